# Part of OMC. Licence LGPL-3.
import hashlib
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import mute_logger

from .common import OmcCase


class TestApply(OmcCase):
    def tokens(self, partner):
        return self.held(partner, self.token_type).mapped("value")

    def test_written(self):
        ana, eva = self.person("Ana", vid="2045678901"), self.person("Eva", vid="2045678902")
        answers = self.apply(self.result(ana, "71"), self.result(eva, "72", remove_vid=False))
        for answer, partner, token, removed in zip(answers, (ana, eva), ("71", "72"), (True, False), strict=True):
            row = self.held(partner, self.token_type)
            expected = {
                "partner_id": partner.id,
                "outcome": "written",
                "token_id": row.id,
                "vid_removed": removed,
                "code": False,
            }
            self.assertEqual(answer, expected)
            self.assertEqual((row.value, row.status, row.expiry_date), (token, "valid", False))
            self.assertEqual(bool(self.held(partner)), not removed)

    def test_repeated_calls_change_nothing(self):
        ana = self.person("Ana", vid="2045678901")
        result = self.result(ana, "71")
        [first] = self.apply(result)
        [second] = self.apply(result)
        self.assertEqual((second["outcome"], second["vid_removed"]), ("already", False))
        self.assertEqual(second["token_id"], first["token_id"])
        self.assertEqual(self.tokens(ana), ["71"])

    def test_a_vid_that_is_not_from_the_registry(self):
        ana, eva, uma = self.person("Ana"), self.person("Eva", vid="2045678902"), self.person("Uma", token="73")
        results = [self.result(one, token) for one, token in ((ana, "71"), (eva, "72"), (uma, "73"))]
        for result in results:
            result.update(vid_id=False, vid_write_date=False)
        self.assertEqual([one["outcome"] for one in self.apply(*results)], ["superseded", "superseded", "already"])
        for result in results:
            result["without_vid"] = True
        answers = self.apply(*results)
        self.assertEqual([one["outcome"] for one in answers], ["written", "superseded", "already"])
        self.assertEqual((self.tokens(ana), self.tokens(eva)), (["71"], []))
        self.assertTrue(self.held(eva))

    def test_who_holds_an_id(self):
        company = self.env["res.company"].create({"name": "Another ministry"})
        kind = self.env["g2p.id.type"].create({"name": "Paper number"})
        people = [
            self.person("Ana"),
            self.person("Eva"),
            self.person("Other value"),
            self.person("Archived", active=False),
            self.person("Elsewhere", company_id=company.id),
            self.person("Marked invalid"),
        ]
        for person, value in zip(people, ("7", "7", "8", "7", "7", "7"), strict=True):
            self.env["g2p.reg.id"].create({"partner_id": person.id, "id_type": kind.id, "value": value})
        people[-1].reg_ids.filtered(lambda row: row.id_type == kind).status = "invalid"
        people[0].reg_ids.filtered(lambda row: row.id_type == kind).status = "valid"
        door = self.connector.with_user(self.daemon)
        expected = [{"partner_id": person.id, "value": "7"} for person in people[:2]]
        self.assertEqual(door.omc_holders(kind.id, ["7", "9"]), expected)
        self.assertEqual(door.omc_holders(kind.id, []), [])
        for wrong in ("7", [7], ["7"] * 5001):
            with self.assertRaises(UserError):
                door.omc_holders(kind.id, wrong)

    def test_one_registrant_twice_in_a_call(self):
        ana = self.person("Ana", vid="2045678901")
        answers = self.apply(self.result(ana, "71"), self.result(ana, "71"), self.result(ana, "72"))
        self.assertEqual([answer["outcome"] for answer in answers], ["written", "busy", "busy"])
        self.assertEqual(self.tokens(ana), ["71"])

    def test_already_removes_the_vid_of_this_token(self):
        ana = self.person("Ana", vid="2045678901", token="71")
        answer = self.apply_one(ana, "71")
        self.assertEqual((answer["outcome"], answer["vid_removed"]), ("already", True))
        self.assertFalse(self.held(ana))

    def test_another_token_is_a_conflict(self):
        ana = self.person("Ana", vid="2045678901", token="99")
        answer = self.apply_one(ana, "71")
        self.assertEqual(answer["outcome"], "conflict")
        self.assertEqual((self.tokens(ana), len(self.held(ana))), (["99"], 1))

    def test_superseded(self):
        ana = self.person("Ana", vid="2045678901")
        eva = self.person("Eva", vid="2045678902")
        without = self.person("Ina")
        gone = self.person("Ora", vid="2045678903")
        of_gone = self.result(gone)
        gone.reg_ids.unlink()
        gone.unlink()
        for name, result in (
            ("the registrant is gone", of_gone),
            ("the VID is gone", {**of_gone, "partner_id": without.id}),
            ("the VID is somebody else's", {**self.result(ana), "vid_id": self.held(eva).id}),
            ("the VID was written since", self.result(ana, vid_write_date="2020-01-01 00:00:00.000000")),
            ("the row is of another type", {**self.result(ana), "vid_id": self._other_row(ana).id, "vid_write_date": False}),
        ):
            with self.subTest(name):
                [answer] = self.apply(result)
                self.assertEqual(answer["outcome"], "superseded")
        self.assertEqual((len(self.held(ana)), len(self.held(eva))), (1, 1))
        self.assertFalse(self.tokens(ana) + self.tokens(eva) + self.tokens(without))

    def _other_row(self, partner):
        values = {"partner_id": partner.id, "id_type": self.other_type.id, "value": "7"}
        return self.held(partner, self.other_type) or self.env["g2p.reg.id"].create(values)

    def test_the_vid_is_compared_to_the_microsecond(self):
        ana = self.person("Ana", vid="2045678901")
        result = self.result(ana)
        self.env.cr.execute(
            "UPDATE g2p_reg_id SET write_date = write_date + interval '1 microsecond' WHERE id = %s", (result["vid_id"],)
        )
        self.assertEqual(self.apply(result)[0]["outcome"], "superseded")
        self.assertEqual(self.apply({**result, "vid_write_date": False})[0]["outcome"], "written")

    def test_already_but_the_vid_was_edited(self):
        ana = self.person("Ana", vid="2045678901", token="71")
        answer = self.apply_one(ana, "71", vid_write_date="2020-01-01 00:00:00.000000")
        self.assertEqual(answer["outcome"], "superseded")
        self.assertEqual(len(self.held(ana)), 1)

    def test_tokens_that_odoo_would_spoil(self):
        ana = self.person("Ana", vid="2045678901")
        for token, code in (
            ("", "token_empty"),
            ("  ", "token_empty"),
            ("7" * 101, "token_too_long"),
            ("7\n", "token_invalid"),
            ("7 1", "token_invalid"),
            ("7\x01", "token_invalid"),
            (71, "token_invalid"),
            (["7"], "token_invalid"),
        ):
            answer = self.apply_one(ana, token)
            self.assertEqual((answer["outcome"], answer["code"]), ("error", code), repr(token))
        self.assertEqual((self.tokens(ana), len(self.held(ana))), ([], 1))
        self.assertEqual(self.apply_one(ana, "7" * 100)["outcome"], "written")

    def test_the_pattern_of_the_token_s_type_holds(self):
        self.token_type.id_validation = r"^\d{4}$"
        ana, eva = self.person("Ana", vid="2045678901"), self.person("Eva", vid="2045678902")
        answers = self.apply(self.result(ana, "71"), self.result(eva, "7171"))
        self.assertEqual([answer["code"] for answer in answers], ["token_invalid", False])
        self.token_type.id_validation = "("
        self.assertEqual(self.apply_one(ana, "7171")["code"], "token_invalid")

    def test_one_that_odoo_refuses_does_not_stop_the_others(self):
        people = [self.person(f"Person {number}", vid=f"20456789{number:02}") for number in range(9)]
        refused = people[5]
        model = type(self.env["g2p.reg.id"])
        create = model.create
        reason = "another addon minds this token: 75"

        def picky(rows, vals_list):
            made = create(rows, vals_list)
            if refused in made.partner_id:
                raise ValidationError(reason)
            return made

        results = [self.result(one, f"7{number}") for number, one in enumerate(people)]
        with patch.object(model, "create", picky):
            answers = self.apply(*results)
        for one, answer in zip(people, answers, strict=True):
            if one == refused:
                expected = {"outcome": "error", "code": "refused", "token_id": False, "vid_removed": False}
                self.assertEqual(answer, {"partner_id": one.id, **expected})
            else:
                self.assertEqual((answer["outcome"], answer["vid_removed"]), ("written", True))
        self.assertEqual((self.tokens(refused), len(self.held(refused))), ([], 1))

    def test_upstream_s_rule_holds_for_many_at_once(self):
        people = [self.person(f"Person {number}", vid=f"20456789{number:02}") for number in range(3)]
        rows = self.env["g2p.reg.id"].with_context(omc_bulk=True)
        values = [{"partner_id": one.id, "id_type": self.token_type.id, "value": "7"} for one in people]
        rows.create(values[:2])
        for broken in (values, [values[2], values[2]]):
            with self.assertRaisesRegex(ValidationError, "unique"), self.env.cr.savepoint():
                rows.create(broken)
        self.assertEqual([len(self.tokens(one)) for one in people], [1, 1, 0])

    def test_a_vid_that_cannot_be_removed_keeps_its_token(self):
        ana, eva = self.person("Ana", vid="2045678901"), self.person("Eva", vid="2045678902")
        kept = self.held(ana)
        model = type(self.env["g2p.reg.id"])
        unlink = model.unlink
        reason = "kept"

        def refuse(rows):
            if kept & rows:
                raise UserError(reason)
            return unlink(rows)

        with patch.object(model, "unlink", refuse):
            answers = self.apply(self.result(ana, "71"), self.result(eva, "72"))
        self.assertEqual([one["outcome"] for one in answers], ["written", "written"])
        self.assertEqual([one["vid_removed"] for one in answers], [False, True])
        self.assertEqual((self.tokens(ana), len(self.held(ana))), (["71"], 1))

    def test_values(self):
        self.connector.value_fields = '["birth_place", "income", "birthdate", "birthdate_not_exact", "gender"]'
        self.env["gender.type"].search([("code", "=", "omcx")]) or self.env["gender.type"].create(
            {"code": "omcx", "value": "omcx"}
        )
        ana = self.person("Ana", vid="2045678901")
        good = {
            "birth_place": "Here",
            "income": 2.5,
            "birthdate": "1990-01-31",
            "birthdate_not_exact": True,
            "gender": "omcx",
        }
        for values, code in (
            ({"email": "a@example.org"}, "field_not_allowed"),
            ({"nowhere": 1}, "field_not_allowed"),
            ({"birth_place": ["x"]}, "field_invalid"),
            ({"birth_place": 1}, "field_invalid"),
            ({"income": "2"}, "field_invalid"),
            ({"income": True}, "field_invalid"),
            ({"birthdate": "31/01/1990"}, "field_invalid"),
            ({"birthdate_not_exact": 1}, "field_invalid"),
            ({"gender": "nobody's"}, "field_invalid"),
            (["birth_place"], "field_invalid"),
        ):
            answer = self.apply_one(ana, values=values)
            self.assertEqual((answer["outcome"], answer["code"]), ("error", code), values)
        self.assertFalse(self.tokens(ana))
        self.assertEqual(self.apply_one(ana, values=good)["outcome"], "written")
        self.assertEqual((ana.birth_place, ana.income, str(ana.birthdate)), ("Here", 2.5, "1990-01-31"))

    def test_values_of_somebody_who_logs_in_stay(self):
        self.connector.value_fields = '["email"]'
        ana = self.person("Ana", vid="2045678901")
        self.internal.partner_id = ana
        answer = self.apply_one(ana, values={"email": "other@example.org"})
        self.assertEqual((answer["outcome"], ana.email, self.tokens(ana)), ("written", False, ["36482736"]))

    def test_a_token_row_without_a_value_is_no_token(self):
        ana = self.person("Ana", vid="2045678901", token="71")
        self.held(ana, self.token_type).write({"value": False, "expiry_date": "2020-01-01"})
        self.assertEqual(self.pull(since="both")["ids"], [])
        self.assertEqual(self.pull()["ids"], [ana.id])
        answer = self.apply_one(ana, token="72")
        row = self.held(ana, self.token_type)
        self.assertEqual((answer["outcome"], answer["token_id"], row.value), ("written", row.id, "72"))
        self.assertFalse(row.expiry_date)
        self.assertFalse(self.held(ana))

    @mute_logger("odoo.sql_db")
    def test_what_postgresql_cannot_index_stops_only_its_own(self):
        self.connector.value_fields = '["ref"]'
        ana, eva = self.person("Ana", vid="2045678901"), self.person("Eva", vid="2045678902")
        long = "".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(400))
        answers = self.apply(self.result(ana, "71", values={"ref": long}), self.result(eva, "72", values={"ref": "short"}))
        self.assertEqual([one["code"] for one in answers], ["field_invalid", False])
        self.assertEqual(self.tokens(eva), ["72"])

    def test_whatever_another_addon_raises_stops_only_its_own(self):
        people = [self.person(name, vid=f"204567890{number}") for number, name in enumerate(("Ana", "Eva", "Ina"))]
        model = type(self.env["g2p.reg.id"])
        create = model.create

        def fails(rows, values):
            if any(one.get("value") == "72" for one in values):
                raise TypeError
            return create(rows, values)

        with patch.object(model, "create", fails):
            answers = self.apply(*(self.result(one, f"7{number}") for number, one in enumerate(people, 1)))
        self.assertEqual([one["outcome"] for one in answers], ["written", "error", "written"])
        self.assertEqual(answers[1]["code"], "refused")

    def test_values_that_the_registry_minds_take_the_token_with_them(self):
        self.connector.value_fields = '["registration_date"]'
        ana, eva = self.person("Ana", vid="2045678901"), self.person("Eva", vid="2045678902")
        answers = self.apply(
            self.result(ana, "71", values={"registration_date": "2999-01-01"}),
            self.result(eva, "72", values={"registration_date": "2020-01-01"}),
        )
        self.assertEqual([one["code"] for one in answers], ["field_invalid", False])
        self.assertEqual((self.tokens(ana), len(self.held(ana)), self.tokens(eva)), ([], 1, ["72"]))

    def test_clean_up(self):
        late, early = self.person("Ana", vid="2045678901"), self.person("Eva", vid="2045678902")
        none = self.person("Ina", vid="2045678903")
        for partner, seconds in ((late, 60), (early, -60)):
            row = self.env["g2p.reg.id"].create({"partner_id": partner.id, "id_type": self.token_type.id, "value": "71"})
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE g2p_reg_id SET create_date = create_date + %s * interval '1 second' WHERE id = %s", (seconds, row.id)
            )
        answers = self.apply(*(self.result(one, False) for one in (late, early, none)))
        self.assertEqual([one["outcome"] for one in answers], ["already", "superseded", "superseded"])
        self.assertEqual([one["vid_removed"] for one in answers], [True, False, False])
        self.assertEqual([len(self.held(one)) for one in (late, early, none)], [0, 1, 1])

    def test_a_connector_that_keeps_vids_keeps_them_whatever_the_daemon_believes(self):
        self.connector.remove_vid = False
        ana, eva = self.person("Ana", vid="2045678901"), self.person("Eva", vid="2045678902", token="72")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE g2p_reg_id SET create_date = create_date + interval '1 minute' WHERE id = %s",
            (self.held(eva, self.token_type).id,),
        )
        answers = self.apply(self.result(ana, "71"), self.result(eva, False))
        self.assertEqual([one["outcome"] for one in answers], ["written", "superseded"])
        self.assertEqual([one["vid_removed"] for one in answers], [False, False])
        self.assertEqual([len(self.held(one)) for one in (ana, eva)], [1, 1])

    def test_archived_in_flight_is_written(self):
        ana = self.person("Ana", vid="2045678901")
        result = self.result(ana)
        ana.active = False
        self.assertEqual(self.apply(result)[0]["outcome"], "written")

    def test_another_company_s_registrant_is_nobody(self):
        ana = self.person("Ana", vid="2045678901")
        result = self.result(ana)
        company = self.env["res.company"].create({"name": "Another ministry"})
        ana.company_id = company
        self.daemon.company_ids |= company
        self.assertEqual(self.apply(result)[0]["outcome"], "superseded")
        self.assertFalse(self.tokens(ana))

    def test_what_is_no_result(self):
        for results in ("x", [1], [{"partner_id": "1"}], [{}], [{"partner_id": 2**40}], [{"partner_id": True}]):
            with self.assertRaises(UserError):
                self.door.omc_apply(results)

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_only_the_daemon_may(self):
        for user in (self.portal, self.internal, self.seer, self.manager, self.env.ref("base.user_admin")):
            with self.assertRaises(AccessError):
                self.connector.with_user(user).omc_apply([])
