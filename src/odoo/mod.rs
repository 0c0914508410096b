//! Odoo as OMC sees it: XML-RPC, and the registry behind it.
