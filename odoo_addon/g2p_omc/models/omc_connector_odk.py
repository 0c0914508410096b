# Part of OMC. Licence LGPL-3.
"""What a connector must be like that has MTS pull submissions of ODK."""

import re
from urllib.parse import quote, urlsplit

from odoo import _, api, models

from .omc_connector import ACTIVE_STATES

# Project and form in the path of a form's OData service, whatever follows.
FORM = re.compile(r"/projects/[A-Za-z0-9._~%-]+/forms/[A-Za-z0-9._~%-]+\.svc(/|$)")
NEEDED = ("odk_base_url", "odk_odata_url", "odk_email", "odk_password")


class OmcConnector(models.Model):
    _inherit = "omc.connector"

    @api.onchange("input_type")
    def _onchange_input_type(self):
        if self.input_type == "odk" and not self.callback_url:
            self.delivery_type = "download"

    @api.constrains("odk_odata_url")
    def _check_odk_form(self):
        example = "https://odk.example.org/v1/projects/7/forms/enrol.svc"
        for connector in self:
            address = (connector.odk_odata_url or "").strip()
            if address and not FORM.search(quote(urlsplit(address).path, safe="/%~")):
                connector._refuse("odk_odata_url", _("write the form's whole OData address, for example %s", example))

    @api.constrains("input_type", "delivery_type", "callback_url")
    def _check_odk_delivery(self):
        for connector in self.filtered(lambda connector: connector.input_type == "odk"):
            if connector.delivery_type == "callback" and not (connector.callback_url or "").strip():
                connector._refuse(
                    "delivery_type",
                    _("choose Download, or write the callback URL of whoever takes the results: OMC's receiver does not"),
                )

    @api.constrains("input_type", *NEEDED)
    def _check_odk_login(self):
        for connector in self.sudo().filtered(lambda connector: connector.job_status in ACTIVE_STATES):
            for field in NEEDED if connector.input_type == "odk" else ():
                if not (connector[field] or "").strip():
                    connector._refuse(field, _("write it, or MTS cannot pull the submissions"))
