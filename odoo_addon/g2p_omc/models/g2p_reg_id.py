# Part of OMC. Licence LGPL-3.
from odoo import models, tools

# Upstream's table has an index on its primary key only: every check of a new ID would read all of it.
INDEXES = {
    "g2p_omc_reg_id_partner_type_idx": ["partner_id", "id_type"],
    "g2p_omc_reg_id_type_value_idx": ["id_type", "value"],
}


class G2PRegistrantID(models.Model):
    _inherit = "g2p.reg.id"

    def init(self):
        """Runs at each installation and upgrade; the uninstall hook takes the indexes away."""
        res = super().init()
        for name, columns in INDEXES.items():
            tools.create_index(self.env.cr, name, self._table, columns)
        return res
