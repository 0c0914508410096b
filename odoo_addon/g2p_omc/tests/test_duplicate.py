# Part of OMC. Licence LGPL-3.
from odoo.exceptions import AccessError, UserError

from .common import OmcCase


class TestDuplicate(OmcCase):
    def shown(self, user=None):
        self.env.flush_all()
        self.env.invalidate_all()
        people = self.people.ids
        rows = self.env["omc.duplicate"].with_user(user or self.seer).search([("partner_id", "in", people)])
        groups = {}
        for row in rows:
            groups.setdefault(row.token_group, []).append((row.partner_id.name, row.registrants))
        return sorted(sorted(group) for group in groups.values())

    def test_who_shares_a_token(self):
        company = self.env["res.company"].create({"name": "Another ministry"})
        self.people = self.env["res.partner"].union(
            self.person("Ana", token="71"),
            self.person("Ana again", token="71"),
            self.person("Eva", token="72"),
            self.person("Archived", token="72", active=False),
            self.person("Elsewhere", token="72", company_id=company.id),
        )
        for name in ("Empty", "Empty too"):
            blank = self.person(name)
            self.env["g2p.reg.id"].create({"partner_id": blank.id, "id_type": self.token_type.id, "value": ""})
            self.people |= blank
        for name in ("Other", "Other too"):
            other = self.person(name)
            self.env["g2p.reg.id"].create({"partner_id": other.id, "id_type": self.other_type.id, "value": "71"})
            self.people |= other
        self.assertEqual(self.shown(), [[("Ana", 2), ("Ana again", 2)]])
        ana = self.people[0].with_user(self.seer)
        self.assertEqual((ana.omc_duplicate_count, self.people[2].with_user(self.seer).omc_duplicate_count), (1, 0))
        action = ana.action_view_omc_duplicates()
        found = self.env[action["res_model"]].with_user(self.seer).search(action["domain"])
        self.assertEqual(found.partner_id.mapped("name"), ["Ana", "Ana again"])

    def test_each_company_sees_its_own(self):
        company = self.env["res.company"].create({"name": "Another ministry"})
        self.people = self.env["res.partner"].union(
            *(self.person(name, token="71", company_id=company.id) for name in ("Ana", "Ana again"))
        )
        self.assertEqual(self.shown(), [])
        self.seer.company_ids |= company
        self.assertEqual(len(self.shown()), 1)

    def test_the_token_is_not_shown(self):
        self.people = self.person("Ana", token="36482736482736") + self.person("Eva", token="36482736482736")
        self.env.flush_all()
        rows = self.env["omc.duplicate"].search_read([("partner_id", "in", self.people.ids)])
        self.assertEqual(len(rows), 2)
        self.assertNotIn("36482736482736", str(rows))

    def test_tokens_of_the_usual_type_count_without_a_connector(self):
        usual = self.env["g2p.id.type"].search([("name", "=", "MOSIP UIN TOKEN")], limit=1)
        usual = usual or self.env["g2p.id.type"].create({"name": "MOSIP UIN TOKEN"})
        self.env["omc.connector"].search([]).unlink()
        people = self.person("Uma") + self.person("Ugo")
        for one in people:
            self.env["g2p.reg.id"].create({"partner_id": one.id, "id_type": usual.id, "value": "7777"})
        self.env.flush_all()
        found = self.env["omc.duplicate"].search([("partner_id", "in", people.ids)])
        self.assertEqual(found.partner_id, people)
        self.assertEqual(people[0].with_user(self.seer).omc_duplicate_count, 1)

    def test_the_daemon_is_told_by_its_door(self):
        company = self.env["res.company"].create({"name": "Another ministry"})
        twins = self.person("Ana", token="71") + self.person("Ana again", token="71")
        others = self.person("Eva", token="72") + self.person("Eva again", token="72")
        self.person("Alone", token="73")
        self.person("Archived", token="73", active=False)
        self.person("Elsewhere", token="71", company_id=company.id)
        door = self.connector.with_user(self.daemon)
        answer = door.omc_duplicates("", 10)
        self.assertTrue(answer["complete"])
        groups = {group["group"]: group["partner_ids"] for group in answer["groups"]}
        self.assertEqual(sorted(groups.values()), sorted([twins.ids, others.ids]))
        self.assertNotIn("71", groups)
        first = door.omc_duplicates("", 1)
        self.assertFalse(first["complete"])
        second = door.omc_duplicates(first["groups"][-1]["group"], 1)
        self.assertTrue(second["complete"])
        self.assertEqual(first["groups"] + second["groups"], answer["groups"])
        with self.assertRaises(AccessError):
            self.connector.with_user(self.seer).omc_duplicates("", 10)
        with self.assertRaises(UserError):
            door.omc_duplicates("", "all")
