# Part of OMC. Licence LGPL-3.
from unittest.mock import patch

from odoo.exceptions import AccessError, MissingError, UserError
from odoo.tools import mute_logger

from ..hooks import uninstall_hook
from ..models.omc_connector_alarm import ACTIVITY_TYPES
from .common import USER, OmcCase


class TestAlarm(OmcCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = cls.new_user("second", USER)
        cls.connector.responsible_ids = cls.manager + cls.seer

    def alarm(self, code, holds=True, **numbers):
        self.env.flush_all()
        users = self.door.omc_alarm(code, holds, numbers)["users"]
        self.env.invalidate_all()
        return users

    def activities(self, connector=None):
        return (connector or self.connector).activity_ids.sorted("id")

    def told(self):
        return self.connector.message_ids.filtered("mail_activity_type_id").sorted("id")

    def test_a_trouble_is_one_activity_of_each_however_often_it_is_told(self):
        for _time in range(3):
            self.assertEqual(self.alarm("given_up", count=4, found=120), 2)
        found = self.activities()
        self.assertEqual(found.user_id, self.manager + self.seer)
        self.assertEqual(len(found), 2)
        self.assertEqual(set(found.mapped("summary")), {"4 of 120 registrants were given up"})
        self.assertIn("Requeue them", found[0].note)
        self.assertEqual(found.activity_type_id, self.env.ref(ACTIVITY_TYPES["given_up"]))
        self.assertEqual(self.alarm("stuck"), 2)
        self.assertEqual(len(self.activities()), 4)

    def test_the_end_of_a_trouble_has_the_activity_done(self):
        self.alarm("stuck")
        self.alarm("many_refused", count=40, found=100, limit="10%")
        self.assertEqual(self.alarm("stuck", False), 2)
        left = self.activities()
        self.assertEqual((len(left), left.activity_type_id), (2, self.env.ref(ACTIVITY_TYPES["many_refused"])))
        self.assertIn("10%", left[0].note)
        self.assertEqual([message.mail_activity_type_id.name for message in self.told()], ["Connector Stuck"] * 2)
        self.assertIn("over", self.told()[0].body)
        # Told again, and of what never began.
        self.assertEqual((self.alarm("stuck", False), self.alarm("given_up", False)), (0, 0))
        self.assertEqual(len(self.told()), 2)

    def test_what_somebody_has_done_or_planned_stays_theirs(self):
        own = self.connector.with_user(self.manager).activity_schedule(
            ACTIVITY_TYPES["stuck"], summary="Call the data centre", automated=False, user_id=self.manager.id
        )
        self.alarm("stuck")
        self.activities().filtered(lambda one: one.user_id == self.seer).with_user(self.seer).action_done()
        # The other has it still: nobody is told anew.
        self.assertEqual(self.alarm("stuck"), 1)
        self.alarm("stuck", False)
        self.assertEqual(self.activities(), own)

    def test_it_is_said_in_the_language_of_whom_it_is_for(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.env["ir.module.module"].search([("name", "=", "g2p_omc")])._update_translations(["fr_FR"])
        self.seer.lang = "fr_FR"
        self.alarm("many_refused", count=40, found=100, limit="10%")
        summaries = {activity.user_id: activity.summary for activity in self.activities()}
        self.assertEqual(summaries[self.manager], "40 of 100 registrants were refused")
        self.assertEqual(summaries[self.seer], "40 inscrits sur 100 ont été refusés")
        self.alarm("many_refused", False)
        self.assertIn("terminé", self.told().mapped("body")[1])

    def test_those_are_told_who_may_see_the_connector(self):
        made = (
            self.env["omc.connector"]
            .with_user(self.manager)
            .create({"name": "Made", "vid_id_type_id": self.vid_type.id, "token_id_type_id": self.token_type.id})
        )
        self.assertEqual(made.responsible_ids, self.manager)
        self.assertEqual(made.with_user(self.second).sudo().copy().responsible_ids, self.second)
        door = made.with_user(self.daemon)
        for chosen, told in (
            (self.seer + self.internal + self.portal, self.seer),
            (self.internal, self.manager),
            (self.env["res.users"], self.manager),
        ):
            made.responsible_ids = chosen
            self.env.flush_all()
            self.assertEqual(door.omc_alarm(False, False, {}), {"users": len(told)})
            door.omc_alarm("stuck", True, {})
            self.assertEqual(self.activities(made).user_id, told)
            door.omc_alarm("stuck", False, {})
        company = self.env["res.company"].create({"name": "Another ministry"})
        self.manager.write({"company_ids": [(6, 0, company.ids)], "company_id": company.id})
        self.env.flush_all()
        self.assertEqual(door.omc_alarm("stuck", True, {}), {"users": 0})
        self.assertFalse(self.activities(made.with_user(self.env.user)))

    def test_an_assignment_is_sent_in_the_daemon_s_name_whether_it_has_an_address_or_not(self):
        for address in (False, "omc@registry.example"):
            self.daemon.email = address
            self.alarm("stuck")
            of_the_connector = [("model", "=", "omc.connector"), ("res_id", "=", self.connector.id)]
            sent = self.env["mail.message"].search([*of_the_connector, ("message_type", "=", "user_notification")])
            self.assertEqual(sent.partner_ids, (self.manager + self.seer).partner_id)
            self.assertEqual(sent.author_id, self.daemon.partner_id)
            self.alarm("stuck", False)

    def test_words_and_numbers_that_are_none(self):
        for code, numbers in (
            ("odd", {}),
            ("stuck", []),
            ("given_up", {"count": "4", "found": 9}),
            ("given_up", {"count": 2**31, "found": 9}),
        ):
            with self.assertRaises(UserError):
                self.door.omc_alarm(code, True, numbers)
        self.assertFalse(self.activities())
        self.alarm("many_refused", count=1, found=2, limit="<b>" * 20)
        self.assertNotIn("<b>", self.activities()[0].note)

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_only_the_daemon_may(self):
        for user in (self.portal, self.internal, self.seer, self.manager, self.env.ref("base.user_admin")):
            with self.assertRaises(AccessError):
                self.connector.with_user(user).omc_alarm("stuck", True, {})

    def test_what_was_archived_or_deleted(self):
        self.alarm("stuck")
        self.connector.active = False
        self.assertEqual(self.alarm("stuck", False), 0)
        self.alarm("stuck")
        ids = self.activities().ids
        self.connector.unlink()
        with self.assertRaises(MissingError):
            self.door.omc_alarm("stuck", False, {})
        self.assertFalse(self.env["mail.activity"].with_context(active_test=False).browse(ids).exists())

    def test_uninstalling_leaves_no_activity(self):
        self.alarm("stuck")
        ids = self.activities().ids
        with patch("odoo.addons.g2p_omc.hooks.INDEXES", {}):
            uninstall_hook(self.env)
        self.assertFalse(self.env["mail.activity"].browse(ids).exists())
