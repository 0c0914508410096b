# Part of OMC. Licence LGPL-3.
"""The daemon's door to who answers for a connector: an activity while something is the matter. See docs/door.md."""

from markupsafe import Markup, escape

from odoo import _, fields, models
from odoo.exceptions import UserError

USER = "g2p_omc.group_omc_user"
# By the daemon's word for it.
ACTIVITY_TYPES = {
    "stuck": "g2p_omc.mail_activity_stuck",
    "given_up": "g2p_omc.mail_activity_given_up",
    "many_refused": "g2p_omc.mail_activity_many_refused",
}
LONGEST_LIMIT = 20


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    responsible_ids = fields.Many2many(
        "res.users",
        "omc_connector_responsible_rel",
        "connector_id",
        "user_id",
        copy=False,
        default=lambda self: self.env.user.filtered("active"),
        domain=lambda self: self._domain_responsible(),
        help="Who gets an activity when the connector is stuck, when a run gave registrants up, and when many are refused, "
        "if the daemon's configuration says notify.activities = true. Empty: whoever made the connector.",
    )

    def _domain_responsible(self):
        group = self.env.ref(USER, raise_if_not_found=False)
        return [("groups_id", "in", group.ids), ("share", "=", False)] if group else []

    def omc_alarm(self, code, holds, numbers):
        """Something is the matter with the connector, or is over. How many people have an activity of it, or would."""
        self._enter_door()
        # Activities are nobody's to write but the door's, which has let in the daemon, to this connector.
        # E-mail, to those who get it so, goes by Odoo's queue: no server of mail holds the daemon up.
        connector = self.sudo().with_company(self.company_id).with_context(mail_notify_force_send=False)
        users = connector._responsible()
        if not code:
            return {"users": len(users)}
        if code not in ACTIVITY_TYPES:
            raise UserError(_("%s is nothing that can be the matter with a connector.", str(code)[:40]))
        if not isinstance(numbers, dict):
            raise UserError(_("The numbers are no structure."))
        # Those that the door made, and nobody has done.
        there = connector.activity_search([ACTIVITY_TYPES[code]])
        if there or not holds:
            users = there.user_id
        if not holds:
            connector._have_done(there)
        elif not there:
            connector._have_told(users, code, numbers)
        return {"users": len(users)}

    def _have_told(self, users, code, numbers):
        for user in users:
            connector = self.with_context(lang=user.lang)
            summary, note = connector._words_of(code, numbers)
            connector.activity_schedule(ACTIVITY_TYPES[code], user_id=user.id, summary=summary, note=note)

    def _have_done(self, activities):
        for activity in activities:
            connector = self.with_context(lang=activity.user_id.lang)
            activity.with_env(connector.env).action_feedback(feedback=connector._words_of_the_end())

    def _responsible(self):
        """Those chosen who may see the connector; if there are none, whoever made it."""
        self.ensure_one()

        def may_see(user):
            return user.active and user.has_group(USER) and self.company_id in user.company_ids

        return self.responsible_ids.filtered(may_see) or self.create_uid.filtered(may_see)

    def _words_of(self, code, numbers):
        """The summary of an activity and its note, in the language of the context."""
        count, found = self._whole_numbers([numbers.get("count") or 0, numbers.get("found") or 0])
        limit = str(numbers.get("limit") or "")[:LONGEST_LIMIT]
        if code == "stuck":
            summary = _("The connector is stuck")
            notes = [
                _("Its definition is wrong, or something that it needs fails. What it is stands at the top of its form."),
                _("This activity is done by itself once that is mended."),
            ]
        elif code == "given_up":
            summary = _("%(count)s of %(found)s registrants were given up", count=count, found=found)
            notes = [
                _("The last run gave them up after repeated failures. Rejections shows whom, why, and what to do."),
                _("Requeue them once the cause is gone. This activity is done by itself when a run gives nobody up."),
            ]
        else:
            summary = _("%(count)s of %(found)s registrants were refused", count=count, found=found)
            notes = [
                _("In the last run more were refused than the daemon's configuration expects (%s).", limit),
                _("Rejections shows whom, why, and what to do."),
                _("This activity is done by itself when a run ends with fewer."),
            ]
        return summary, Markup("").join(Markup("<p>%s</p>") % escape(note) for note in notes)

    def _words_of_the_end(self):
        return _("That is over, says the daemon.")
