# Part of OMC. Licence LGPL-3.
"""What transactions do to each other, with real ones: these tests commit, and take back what they made."""

import threading
import time

from psycopg2 import OperationalError

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.service.model import retrying
from odoo.tests.common import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from .common import DAEMON

PEOPLE = 60
WAIT = 60


@tagged("post_install", "-at_install")
class TestConcurrency(BaseCase):
    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())
        with self.registry.cursor() as cr:
            env = self.env_of(cr)
            types = env["g2p.id.type"].create({"name": "Race VID"}) + env["g2p.id.type"].create({"name": "Race Token"})
            user = env["res.users"].create({"name": "Race", "login": "omc_race", "groups_id": [(6, 0, env.ref(DAEMON).ids)]})
            connector = env["omc.connector"].create(
                {"name": "Race", "vid_id_type_id": types[0].id, "token_id_type_id": types[1].id}
            )
            people = env["res.partner"].create(
                [
                    {
                        "name": f"Race {number}",
                        "is_registrant": True,
                        "reg_ids": [(0, 0, {"id_type": types[0].id, "value": f"20{number:08}"})],
                    }
                    for number in range(PEOPLE)
                ]
            )
            self.types, self.user, self.connector, self.people = types.ids, user.id, connector.id, people.ids
            self.vids = {row.partner_id.id: row.id for row in people.reg_ids}
        self.addCleanup(self.take_back)

    def take_back(self):
        with self.registry.cursor() as cr:
            env = self.env_of(cr)
            env["g2p.reg.id"].search([("partner_id", "in", self.people)]).unlink()
            env["res.partner"].browse(self.people).exists().unlink()
            env["omc.connector"].browse(self.connector).unlink()
            user = env["res.users"].browse(self.user)
            partner = user.partner_id
            user.unlink()
            partner.unlink()
            env["g2p.id.type"].browse(self.types).unlink()

    def env_of(self, cr, user=SUPERUSER_ID):
        return api.Environment(cr, user, {"tracking_disable": True})

    def door(self, cr):
        return self.env_of(cr, self.user)["omc.connector"].browse(self.connector)

    def results(self, remove_vid=True):
        return [
            {
                "partner_id": partner,
                "token": f"7{partner}",
                "vid_id": self.vids[partner],
                "vid_write_date": False,
                "remove_vid": remove_vid,
                "values": False,
            }
            for partner in self.people
        ]

    def apply_as_rpc(self, results):
        """One call, repeated as Odoo's RPC repeats it when transactions collide."""
        with self.registry.cursor() as cr:
            # A call that waits for a lock is wrong, and is to fail, not to hang.
            cr.execute("SET LOCAL lock_timeout = '10s'")
            env = self.env_of(cr, self.user)
            return retrying(lambda: env["omc.connector"].browse(self.connector).omc_apply(results), env)

    def count(self):
        """Tokens, registrants with one, and VIDs that are left."""
        with self.registry.cursor() as cr:
            cr.execute(
                "SELECT count(*) FILTER (WHERE id_type = %(token)s),"
                " count(DISTINCT partner_id) FILTER (WHERE id_type = %(token)s),"
                " count(*) FILTER (WHERE id_type = %(vid)s) FROM g2p_reg_id WHERE partner_id = ANY(%(people)s)",
                {"token": self.types[1], "vid": self.types[0], "people": self.people},
            )
            return cr.fetchone()

    def test_two_daemons_with_the_same_results(self):
        failures, start = [], threading.Barrier(2)

        def daemon():
            try:
                left = self.results()
                start.wait(WAIT)
                # As the daemon does: what is busy is asked again. Chunks, so that the two meet often.
                deadline = time.monotonic() + WAIT
                while left and time.monotonic() < deadline:
                    chunk, left = left[:10], left[10:]
                    answers = self.apply_as_rpc(chunk)
                    left += [one for one, answer in zip(chunk, answers, strict=True) if answer["outcome"] == "busy"]
                    unknown = {answer["outcome"] for answer in answers} - {"busy", "written", "already"}
                    failures.extend(unknown)
                failures.extend(left)
            except Exception as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=daemon) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * WAIT)
        self.assertEqual(failures, [])
        self.assertEqual(self.count(), (PEOPLE, PEOPLE, 0))

    def test_a_view_older_than_the_other_s_result(self):
        """Both transactions have looked before either writes: the later one must not go by what it saw."""
        for remove_vid in (False, True):
            with self.registry.cursor() as old:
                old.execute("SELECT count(*) FROM g2p_reg_id")
                results = self.results(remove_vid)
                first = self.apply_as_rpc(results)
                env = self.env_of(old, self.user)
                second = retrying(lambda: env["omc.connector"].browse(self.connector).omc_apply(results), env)  # noqa: B023
            self.assertEqual({answer["outcome"] for answer in first}, {"already" if remove_vid else "written"})
            self.assertEqual({answer["outcome"] for answer in second}, {"already"})
            self.assertEqual(self.count(), (PEOPLE, PEOPLE, 0 if remove_vid else PEOPLE))

    def test_an_id_that_is_just_made_a_token_is_in_somebody_s_hands(self):
        partner = self.people[0]
        with self.registry.cursor() as cr:
            env = self.env_of(cr)
            other = env["g2p.id.type"].create({"name": "Race Other"})
            self.types.append(other.id)
            row = env["g2p.reg.id"].create({"partner_id": partner, "id_type": other.id, "value": "other"}).id
        with self.registry.cursor() as cr:
            env = self.env_of(cr)
            env["g2p.reg.id"].browse(row).id_type = self.types[1]
            env.flush_all()
            [answer] = self.apply_as_rpc(self.results()[:1])
            self.assertEqual(answer["outcome"], "busy")
        [again] = self.apply_as_rpc(self.results()[:1])
        self.assertEqual(again["outcome"], "conflict")

    def test_registrants_in_somebody_s_hands_are_busy(self):
        edited, given, moved = self.people[:3]
        with self.registry.cursor() as cr:
            env = self.env_of(cr)
            env["res.partner"].browse(edited).write({"given_name": "Edited"})
            env["g2p.reg.id"].create({"partner_id": given, "id_type": self.types[1], "value": "other"})
            env["g2p.reg.id"].browse(self.vids[moved]).write({"value": "2099999999"})
            env.flush_all()
            answers = self.apply_as_rpc(self.results())
            self.assertEqual([answer["outcome"] for answer in answers[:3]], ["busy"] * 3)
            self.assertEqual({answer["outcome"] for answer in answers[3:]}, {"written"})
        again = self.apply_as_rpc(self.results()[:3])
        self.assertEqual([answer["outcome"] for answer in again], ["written", "conflict", "written"])

    def test_a_token_that_came_between_the_first_look_and_the_lock(self):
        """To add an ID writes nothing that the door locks: PostgreSQL sees no collision, and the door must look itself."""
        partner = self.people[0]
        with self.registry.cursor() as old:
            old.execute("SELECT count(*) FROM g2p_reg_id")
            with self.registry.cursor() as cr:
                self.env_of(cr)["g2p.reg.id"].create({"partner_id": partner, "id_type": self.types[1], "value": "other"})
            env = self.env_of(old, self.user)
            answers = retrying(lambda: env["omc.connector"].browse(self.connector).omc_apply(self.results()), env)
        self.assertEqual(answers[0]["outcome"], "busy")
        self.assertEqual({answer["outcome"] for answer in answers[1:]}, {"written"})
        [again] = self.apply_as_rpc(self.results()[:1])
        self.assertEqual(again["outcome"], "conflict")
        self.assertEqual(self.count(), (PEOPLE, PEOPLE, 1))

    @mute_logger("odoo.sql_db")
    def test_a_plain_writer_whose_view_is_older_than_the_door_s_result(self):
        with self.registry.cursor() as old:
            env = self.env_of(old)
            self.assertFalse(env["g2p.reg.id"].search_count([("partner_id", "=", self.people[0]), ("value", "=", "other")]))
            self.apply_as_rpc(self.results(remove_vid=False))
            with self.assertRaises(OperationalError):
                env["g2p.reg.id"].create({"partner_id": self.people[0], "id_type": self.types[1], "value": "other"})
        self.assertEqual(self.count(), (PEOPLE, PEOPLE, PEOPLE))

    def test_a_row_that_is_committed_late_is_not_left_out(self):
        """The transaction that began before the page, and commits after it, is found from the page's horizon on."""
        with self.registry.cursor() as cr:
            self.env_of(cr)["res.partner"].browse(self.people[0]).write({"given_name": "Late"})
            self.env_of(cr).flush_all()
            with self.registry.cursor() as other:
                page = self.door(other).omc_pull(0, 1000, False, False)
        with self.registry.cursor() as cr:
            later = self.door(cr).omc_pull(0, 1000, page["horizon"], False)
            self.assertIn(self.people[0], later["ids"])
            self.assertGreater(later["horizon"], page["horizon"])

    def test_a_page_sees_what_was_committed_before_its_horizon(self):
        """Also where the call's own view of the database is older."""
        with self.registry.cursor() as old:
            old.execute("SELECT count(*) FROM res_partner")
            with self.registry.cursor() as cr:
                cr.execute("DELETE FROM g2p_reg_id WHERE id = %s", (self.vids[self.people[0]],))
            page = self.door(old).omc_pull(0, 1000, False, False)
            self.assertEqual(page["ids"], self.people[1:])

    def test_one_lease(self):
        # What fails in a thread is nobody's failure until it is looked at outside.
        won, refused, start = [], [], threading.Barrier(4)

        def take(name):
            with self.registry.cursor() as cr:
                env = self.env_of(cr)
                start.wait(WAIT)
                try:
                    env["omc.lease"]._take(env["omc.connector"].browse(self.connector), name)
                    won.append(name)
                except Exception as error:
                    refused.append(str(error))

        threads = [threading.Thread(target=take, args=(f"daemon {number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        self.assertEqual((len(won), len(refused)), (1, 3), refused)
        for text in refused:
            self.assertTrue(text.startswith("omc_lease: "), text)
