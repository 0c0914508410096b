/** @odoo-module **/
// Part of OMC. Licence LGPL-3.

import {registry} from "@web/core/registry";

const ROW = ".o_data_row:contains('Tour connector')";

registry.category("web_tour.tours").add("omc_administrator", {
    test: true,
    url: "/web",
    steps: () => [
        {content: "Open the apps", trigger: ".o_navbar_apps_menu button"},
        {
            content: "Open the registry",
            trigger: ".o_app[data-menu-xmlid='g2p_registry_base.g2p_main_menu_root']",
        },
        {content: "Open OMC's menu", trigger: "button[data-menu-xmlid='g2p_omc.omc_menu']"},
        {content: "Open the connectors", trigger: "[data-menu-xmlid='g2p_omc.omc_connector_menu']"},
        {
            content: "Make a connector",
            extra_trigger: ".o_breadcrumb:contains('Connectors')",
            trigger: ".o_list_button_add",
        },
        {content: "Name it", trigger: ".o_field_widget[name=name] input", run: "text Tour connector"},
        {
            content: "Say where MTS is",
            trigger: ".o_field_widget[name=mts_url] input",
            run: "text http://mts.example.org",
        },
        {
            content: "The filter is shown as rules, with the number of registrants that match",
            trigger: ".o_field_domain .o_domain_show_selection_button",
            isCheck: true,
        },
        {content: "See the mapping", trigger: ".nav-link[name=mapping]"},
        {content: "It has a default", trigger: ".o_field_widget[name=mapping] .ace_content", isCheck: true},
        {content: "See the schedule", trigger: ".nav-link[name=schedule]"},
        {content: "See the callback", trigger: ".nav-link[name=callback]"},
        {
            content: "No login is asked for",
            trigger: ".o_notebook:not(:has([name=callback_auth_password]:visible))",
            isCheck: true,
        },
        {content: "Start", trigger: "button[name=action_start]"},
        {
            content: "It is started",
            trigger: ".o_statusbar_status .o_arrow_button_current:contains('Started')",
            isCheck: true,
        },
        {content: "Run now", trigger: "button[name=action_run_now]"},
        {content: "It says so", trigger: ".o_notification:contains('Tour connector')", isCheck: true},
        {
            content: "Open the runs",
            extra_trigger: "button[name=action_view_runs]:contains('1')",
            trigger: "button[name=action_view_runs]",
        },
        {content: "The run is there", trigger: `${ROW}:contains('Requested')`, isCheck: true},
        {
            content: "It moves on without a click, as soon as the daemon has told",
            trigger: `${ROW}:contains('Running'):contains('40')`,
            timeout: 20000,
            isCheck: true,
        },
        {content: "Open the run", trigger: `${ROW} td[name=trigger]`},
        {
            content: "Its form moves on as well",
            trigger: ".o_statusbar_status .o_arrow_button_current:contains('Done')",
            timeout: 20000,
            isCheck: true,
        },
        {content: "Back to the list", trigger: ".o_back_button"},
        {content: "Back to the connector", trigger: ".breadcrumb-item a:contains('Tour connector')"},
        {content: "Ask what would be sent", trigger: "button[name=action_test]"},
        {
            content: "The answer comes by itself",
            trigger: ".o_data_row:contains('Send')",
            timeout: 20000,
            isCheck: true,
        },
        {content: "Close it", trigger: "footer button.btn-primary"},
        {
            content: "Stop",
            extra_trigger: "body:not(:has(.modal))",
            trigger: "button[name=action_stop]",
        },
        {content: "Yes", trigger: "footer .btn-primary"},
        {
            content: "It is stopped",
            trigger: ".o_statusbar_status .o_arrow_button_current:contains('Completed')",
            isCheck: true,
        },
    ],
});

registry.category("web_tour.tours").add("omc_rejections", {
    test: true,
    url: "/web#action=g2p_omc.omc_rejection_action",
    steps: () => [
        {
            content: "The reason and what to do are in plain words",
            trigger: ".o_data_row:contains('ATS-REQ-011'):contains('There is no gender.')",
            isCheck: true,
        },
        {content: "Choose all", trigger: "thead .o_list_record_selector input"},
        {content: "Requeue them", trigger: ".o_control_panel_actions button[name=action_requeue], .o_list_buttons button[name=action_requeue]"},
        {content: "None is open any more", trigger: ".o_view_nocontent_smiling_face", isCheck: true},
        {content: "Show all", trigger: ".o_facet_remove"},
        {content: "It is requeued", trigger: ".o_data_row:contains('Requeued')", isCheck: true},
        {content: "Open it", trigger: ".o_data_row td[name=code]"},
        {
            content: "The form offers no requeue now, and without rights in the registry no registrant",
            trigger:
                ".o_form_view:not(:has(button[name=action_requeue])):not(:has(button[name=action_view_registrant]))",
            isCheck: true,
        },
    ],
});
