# Part of OMC. Licence LGPL-3.
from odoo.exceptions import AccessError, ValidationError
from odoo.tests.common import Form
from odoo.tools import mute_logger

from .common import OmcCase

ODATA = "https://odk.example.org/v1/projects/7/forms/enrol.svc"
LOGIN = {
    "odk_base_url": "https://odk.example.org",
    "odk_odata_url": ODATA,
    "odk_email": "mts@odk.example",
    "odk_password": "of ODK only",
}


class TestOdk(OmcCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.odk = cls.new_connector(
            name="Enrolment",
            input_type="odk",
            delivery_type="download",
            mapping='{"vid": "mosip.vid", "name": ["first"], "fullAddress": ["home.street"]}',
            start_datetime="2026-11-01 00:00:00",
            **LOGIN,
        )
        cls.mine = cls.odk.with_user(cls.manager)

    def refused(self, field, reason, values, start=False):
        with self.subTest(values=values), self.assertRaises(ValidationError) as raised:
            self.mine.write(values)
            if start:
                self.mine.action_start()
        self.assertIn(self.odk._fields[field]._description_string(self.env), str(raised.exception))
        self.assertIn(reason, str(raised.exception))
        self.odk.invalidate_recordset()

    def test_the_form_offers_it(self):
        with Form(self.env["omc.connector"].with_user(self.manager)) as form:
            form.name = "Enrolment"
            form.vid_id_type_id, form.token_id_type_id = self.vid_type, self.token_type
            form.input_type = "odk"
            self.assertEqual(form.delivery_type, "download")
            form.mapping = '{"vid": "mosip.vid"}'
            for field, value in LOGIN.items():
                setattr(form, field, value)
        made = form.save()
        made.action_start()
        self.assertEqual((made.job_status, made.odk_password), ("started", "of ODK only"))

    def test_the_daemon_reads_what_mts_is_told_and_users_do_not(self):
        names = [*LOGIN, "start_datetime", "input_type", "delivery_type"]
        [read] = self.odk.with_user(self.daemon).read(names)
        self.assertEqual({name: read[name] for name in LOGIN}, LOGIN)
        self.assertEqual((read["input_type"], str(read["start_datetime"])), ("odk", "2026-11-01 00:00:00"))
        with self.assertRaises(AccessError):
            self.odk.with_user(self.seer).read(["odk_password"])
        self.assertNotIn("odk_password", self.env["omc.connector"].with_user(self.seer).fields_get())
        self.assertFalse(self.mine.copy().odk_password)

    def test_addresses(self):
        for field in ("odk_base_url", "odk_odata_url"):
            self.refused(field, "begins with http", {field: "odk.example.org/v1/projects/7/forms/enrol.svc"})
            self.refused(field, "without a user name", {field: ODATA.replace("//", "//mts:secret@")})
        for wrong in ("https://odk.example.org", ODATA[:-4], "https://odk.example.org/v1/projects//forms/enrol.svc"):
            self.refused("odk_odata_url", "whole OData address", {"odk_odata_url": wrong})
        for right in (f"{ODATA}/Submissions", "http://odk:8383/v1/projects/12/forms/Enquête%201.svc?$top=1", ODATA):
            self.mine.odk_odata_url = right

    def test_what_is_missing_is_missed_at_the_start(self):
        for field in LOGIN:
            self.refused(field, "cannot pull", {**LOGIN, field: " "}, start=True)
            self.assertEqual(self.odk.job_status, "draft")
        self.mine.write(LOGIN)
        self.mine.action_start()
        self.refused("odk_email", "cannot pull", {"odk_email": False})

    def test_results_go_into_a_file_or_to_somebody_else(self):
        self.refused("delivery_type", "choose Download", {"delivery_type": "callback"})
        self.mine.write({"delivery_type": "callback", "callback_url": "https://campaign.example.org/tokens"})
        self.refused("callback_auth_password", "log in", {}, start=True)
        self.mine.callback_auth_password = "of the campaign only"
        self.mine.action_start()
        self.refused("delivery_type", "choose Download", {"callback_url": False})

    def test_the_mapping_is_of_the_form_and_plain(self):
        self.refused("mapping", "plain names", {"mapping": '{"vid": "env.x | y"}'})
        self.refused("mapping", "is not a field of MTS", {"mapping": '{"uin": "uin"}'})
        # What names a field of the form names none of the registrant.
        self.refused("mapping", "is not in the list", {"input_type": "custom"})

    def test_the_registry_is_not_its_matter(self):
        self.person("Ana", vid="2045678901")
        self.assertFalse(self.odk.waiting_count or self.odk.tokenised_count)
        self.assertEqual(self.odk._upstream_at_work(), [])

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_back_to_the_registry(self):
        self.mine.write({"input_type": "custom", "mapping": self.connector.mapping, "delivery_type": "callback"})
        self.mine.action_start()
        self.assertEqual(self.odk.job_status, "started")
