# Part of OMC. Licence LGPL-3.
from .models.g2p_reg_id import INDEXES


def uninstall_hook(env):
    """Leave the registry's tables and the system parameters as they were found."""
    for name in INDEXES:
        env.cr.execute(f'DROP INDEX IF EXISTS "{name}"')  # pylint: disable=sql-injection
    # An activity keeps its type, and would keep the addon's.
    types = env["mail.activity.type"].with_context(active_test=False).search([("res_model", "=", "omc.connector")])
    activities = env["mail.activity"].with_context(active_test=False)
    activities.search([("activity_type_id", "in", types.ids)]).unlink()
    env["ir.config_parameter"].sudo().search([("key", "=like", "g2p\\_omc.%")]).unlink()
