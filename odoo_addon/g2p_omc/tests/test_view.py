# Part of OMC. Licence LGPL-3.
"""What views show, and to whom."""

from .common import MANAGER, USER, OmcCase


class TestView(OmcCase):
    def _arch(self, model, view, kind, user):
        return self.env[model].with_user(user).get_view(self.env.ref(view).id, kind)["arch"]

    def test_take_over_is_offered_where_there_is_something_to_take_over(self):
        arch = self._arch("omc.connector", "g2p_omc.omc_connector_view_tree", "tree", self.manager)
        self.assertEqual("action_take_over_upstream" in arch, "mts.connector" in self.env)

    def test_buttons_of_a_connector_are_for_managers(self):
        for user, expected in ((self.manager, True), (self.seer, False)):
            arch = self._arch("omc.connector", "g2p_omc.omc_connector_view_form", "form", user)
            for name in ("action_start", "action_stop", "action_run_now", "action_test", "callback_auth_password"):
                self.assertEqual(f'name="{name}"' in arch, expected, (name, user.login))

    def test_requeue_is_for_managers(self):
        action = self.env.ref("g2p_omc.omc_rejection_requeue_server_action")
        self.assertEqual(action.groups_id, self.env.ref(MANAGER))
        for user, expected in ((self.manager, True), (self.seer, False)):
            arch = self._arch("omc.rejection", "g2p_omc.omc_rejection_view_tree", "tree", user)
            self.assertEqual("action_requeue" in arch, expected)

    def test_registrant_shows_rejections_and_duplicates_to_users_of_omc_only(self):
        registrar = self.new_user("registrar", "g2p_registry_base.group_g2p_registrar")
        both = self.new_user("both", "g2p_registry_base.group_g2p_registrar")
        both.groups_id |= self.env.ref(USER)
        for user, expected in ((both, True), (registrar, False)):
            arch = self._arch("res.partner", "g2p_registry_individual.view_individuals_form", "form", user)
            for name in ("action_view_omc_rejections", "action_view_omc_duplicates"):
                self.assertEqual(name in arch, expected, (name, user.login))

    def test_lists_of_registrants_need_no_right_in_the_registry(self):
        waiting = self.person("ANA", vid="4918273645019283")
        action = self.connector.with_user(self.seer).action_view_waiting()
        self.assertEqual([mode for _view, mode in action["views"]], ["tree"])
        partners = self.env["res.partner"].with_user(self.seer)
        view = partners.get_view(*action["views"][0])
        shown = {name: {} for name in view["models"]["res.partner"]}
        found = partners.web_search_read(action["domain"], shown)
        self.assertIn(waiting.id, [row["id"] for row in found["records"]])

    def test_lists_of_registrants_open_the_registrys_form_for_those_who_may(self):
        both = self.new_user("both", "g2p_registry_base.group_g2p_registrar")
        both.groups_id |= self.env.ref(USER)
        form = self.env.ref("g2p_registry_individual.view_individuals_form").id
        for action in (
            self.connector.with_user(both).action_view_waiting(),
            self.connector.with_user(both).action_view_tokenised(),
        ):
            self.assertIn((form, "form"), action["views"])
        registrant = self.person("ANA").with_user(both)
        self.assertEqual(registrant.action_view_omc_registrant()["views"], [(form, "form")])
