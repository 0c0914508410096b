/** @odoo-module **/
// Part of OMC. Licence LGPL-3.
//
// Forms and lists that read themselves again while something on them is under way, so that progress moves.

import {onMounted, onWillUnmount} from "@odoo/owl";

import {FormController} from "@web/views/form/form_controller";
import {ListController} from "@web/views/list/list_controller";
import {browser} from "@web/core/browser/browser";
import {formView} from "@web/views/form/form_view";
import {listView} from "@web/views/list/list_view";
import {registry} from "@web/core/registry";
import {useBus} from "@web/core/utils/hooks";

export const PERIOD = 3000;
// Reading again takes at most a sixth of the time, however slow the server is or large the registry.
const SHARE = 5;

// The field of a record that says whether it is under way, and the values that say yes.
const UNDER_WAY = {
    "omc.connector": ["job_status", ["started", "running"]],
    "omc.run": ["state", ["requested", "running"]],
    "omc.rejection": ["state", ["requeued"]],
    "omc.preview": ["state", ["requested"]],
};

export function isUnderWay(record) {
    const [field, values] = UNDER_WAY[record.resModel] || [];
    return Boolean(field) && values.includes(record.data[field]);
}

/**
 * @param {Function} wanted says whether reading again is of use, and takes nothing away from the user
 * @param {Function} reload reads again
 */
function useLiveReload(wanted, reload) {
    let timer = null;
    let stopped = false;
    const plan = (taken = 0) => {
        timer = browser.setTimeout(look, Math.max(PERIOD, SHARE * taken));
    };
    const look = async () => {
        const begun = browser.performance.now();
        try {
            if (!document.hidden && wanted()) {
                await reload();
            }
        } catch {
            // Odoo is away for a moment, or the record is gone: what is shown stays, and the next look may do better.
        }
        if (!stopped) {
            plan(browser.performance.now() - begun);
        }
    };
    onMounted(() => plan());
    onWillUnmount(() => {
        stopped = true;
        browser.clearTimeout(timer);
    });
}

export class LiveFormController extends FormController {
    setup() {
        super.setup();
        this.isTyping = false;
        useBus(this.model.bus, "FIELD_IS_DIRTY", ({detail}) => {
            this.isTyping = detail;
        });
        useLiveReload(
            () => {
                const record = this.model.root;
                const isEditing = record.isNew || record.dirty || this.isTyping || this.hasFocusInField();
                return !isEditing && isUnderWay(record);
            },
            () => this.model.root.load()
        );
    }

    hasFocusInField() {
        const focused = document.activeElement;
        return this.rootRef.el?.contains(focused) && focused.matches("input, textarea, select, [contenteditable]");
    }
}

export class LiveListController extends ListController {
    setup() {
        super.setup();
        useLiveReload(
            () => {
                const list = this.model.root;
                const isBusy = list.editedRecord || list.selection.length > 0 || list.isGrouped;
                return !isBusy && list.records.some(isUnderWay);
            },
            () => this.model.root.load()
        );
    }
}

registry.category("views").add("omc_live_form", {...formView, Controller: LiveFormController});
registry.category("views").add("omc_live_list", {...listView, Controller: LiveListController});
