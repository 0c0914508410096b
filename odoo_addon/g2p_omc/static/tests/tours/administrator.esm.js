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

const field = (name, text) => ({
    content: `Fill in ${name}`,
    trigger: `.o_field_widget[name=${name}] input`,
    run: `text ${text}`,
});

registry.category("web_tour.tours").add("omc_odk", {
    test: true,
    url: "/web#action=g2p_omc.omc_connector_action",
    steps: () => [
        {content: "Open the connector that is stuck", trigger: ".o_data_row:contains('Stuck connector') td[name=name]"},
        {
            content: "What is the matter is an activity",
            trigger: ".o-mail-Activity:contains('The connector is stuck'):contains('top of its form')",
            isCheck: true,
        },
        {
            content: "Whom it is for can be chosen",
            trigger: ".o_field_widget[name=responsible_ids] .o_tag:contains('omc_tour')",
            isCheck: true,
        },
        {content: "Back to the list", trigger: ".o_back_button"},
        {content: "Make a connector", trigger: ".o_list_button_add"},
        field("name", "Tour of ODK"),
        {content: "Choose ODK", trigger: ".o_field_widget[name=input_type] input[data-value=odk]"},
        {
            content: "Filter and fields are not there",
            trigger: ".o_notebook:not(:has(.nav-link[name=registrants]))",
            isCheck: true,
        },
        {content: "See ODK", trigger: ".nav-link[name=odk]"},
        field("odk_base_url", "https://odk.example.org"),
        field("odk_odata_url", "https://odk.example.org/v1/projects/7/forms/enrol.svc"),
        field("odk_email", "mts@odk.example"),
        {
            content: "Nobody sees the password",
            trigger: ".o_field_widget[name=odk_password] input[type=password]",
            run: "text of ODK only",
        },
        {content: "See the delivery", trigger: ".nav-link[name=callback]"},
        {
            content: "It is a download",
            trigger: ".o_field_widget[name=delivery_type] input[data-value=download]:checked",
            isCheck: true,
        },
        {content: "Or to somebody else", trigger: ".o_field_widget[name=delivery_type] input[data-value=callback]"},
        {
            content: "Who that is must be said",
            extra_trigger: ".alert-warning:contains('does not take them'):visible",
            trigger: ".o_field_widget[name=callback_url] input",
            run: "text https://campaign.example.org/tokens",
        },
        {
            content: "And how to log in there",
            trigger: ".o_field_widget[name=callback_auth_password] input",
            run: "text of the campaign",
        },
        {content: "Start", trigger: "button[name=action_start]"},
        {
            content: "It is started, and has no Test",
            trigger:
                ".o_form_view:not(:has(button[name=action_test])) .o_statusbar_status .o_arrow_button_current:contains('Started')",
            isCheck: true,
        },
    ],
});
