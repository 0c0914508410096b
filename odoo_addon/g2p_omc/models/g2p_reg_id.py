# Part of OMC. Licence LGPL-3.
from odoo import api, models, tools

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

    @api.constrains("partner_id", "id_type")
    def _check_unique_id_type(self):
        """Upstream's rule, looked up once for all tokens of a call of the door instead of once for each.

        Three quarters of the time of such a call were those lookups. Only where nobody breaks the rule is upstream's own
        check left out; otherwise it speaks.
        """
        if len(self) > 1 and self.env.context.get("omc_bulk") and not self._any_type_twice():
            return None
        return super()._check_unique_id_type()

    def _any_type_twice(self):
        self.flush_model(["partner_id", "id_type"])
        self.env.cr.execute(
            """
            SELECT EXISTS (
                SELECT FROM g2p_reg_id r
                  JOIN g2p_reg_id o ON o.partner_id = r.partner_id AND o.id_type = r.id_type AND o.id <> r.id
                 WHERE r.id = ANY(%s)
            )
            """,
            (self.ids,),
        )
        return self.env.cr.fetchone()[0]
