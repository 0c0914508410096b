//! Faults of whoever calls the callback listener.

mod callers;
mod crowds;
mod results;
mod stand;

use super::row::rows;

rows! { Callbacks;
    nothing_shown {
        fault: "no authentication",
        does: "refuses with 401 before it reads a byte of the body. After 20 refusals in a row an address waits a second for each further one and is told 429, nothing else",
        sees: r#"log (warn): `calls with wrong credentials, again and again`, with the address, once a minute at most<br>metrics: `omc_callbacks_total{result="unauthorised"}`"#,
        recovers: "at once: who shows the right credentials is let in, from the same address too",
    } callers::nothing_shown;
    nothing_asked {
        fault: "no authentication, where the connector asks for none (`callback.allow_unauthenticated`)",
        does: "takes the call and believes nothing without the right correlation; other connectors are guarded as ever",
        sees: r#"log (warn): `results came that OMC did not ask for; they count for nothing`<br>metrics: `omc_callback_results_total{outcome="stranger"}`, `omc_callbacks_total{result="unauthorised"}`"#,
        recovers: "at once",
    } callers::nothing_asked;
    wrong_bearer {
        fault: "wrong authentication, static bearer: none of OMC's, another connector's, of a generation that is not, of another auth type, as another scheme",
        does: "the same",
        sees: r#"log (warn): `calls with wrong credentials, again and again`<br>metrics: `omc_callbacks_total{result="unauthorised"}`"#,
        recovers: "at once",
    } callers::wrong_bearer;
    wrong_login {
        fault: "wrong authentication, Odoo: wrong password, login or database; callbacks without a session or with a made-up one",
        does: "answers as Odoo does, `Access Denied` and no session; refuses the callbacks with 401",
        sees: r#"metrics: `omc_callback_logins_total{result="refused"}`, `omc_callbacks_total{result="unauthorised"}`"#,
        recovers: "at once",
    } callers::wrong_login;
    wrong_client {
        fault: "wrong authentication, OAuth: wrong secret or client; callbacks with an unsigned or made-up access token",
        does: "answers `invalid_client` with 401; refuses the callbacks with 401",
        sees: r#"metrics: `omc_callback_logins_total{result="refused"}`, `omc_callbacks_total{result="unauthorised"}`"#,
        recovers: "at once",
    } callers::wrong_client;
    expired_session {
        fault: "expired session (Odoo)",
        does: "refuses with 401; MTS does not look at it, so what it brought so late is asked for again, as after any lost delivery",
        sees: r#"metrics: `omc_callbacks_total{result="unauthorised"}`"#,
        recovers: "with MTS's next login, right before its next delivery",
    } callers::expired_session;
    expired_access_token {
        fault: "expired access token (OAuth)",
        does: "refuses with 401, whatever MTS thinks of it; what it brought is asked for again",
        sees: r#"metrics: `omc_callbacks_total{result="unauthorised"}`"#,
        recovers: "with MTS's next access token, right before its next delivery",
    } callers::expired_access_token;
    no_such_connector {
        fault: "a connector that cannot be, or is not",
        does: "answers 404 without a word of the address that was called, or 401 where there could be such a connector: nobody learns which there are",
        sees: r#"metrics: `omc_callbacks_total{result="unknown"}`, `omc_callbacks_total{result="unauthorised"}`"#,
        recovers: "at once",
    } callers::no_such_connector;
    replay {
        fault: "replay: a delivery that was taken, twice in one body, again at once, and again when its record is done",
        does: "answers 200 and changes nothing; takes it for no sign that MTS is still at work, or that MOSIP works",
        sees: r#"metrics: `omc_callback_results_total{outcome="repeat"}`, `omc_callback_results_total{outcome="late"}`"#,
        recovers: "at once",
    } results::replay;
    second_token {
        fault: "a second token for a record whose token is there, different from the first",
        does: "keeps the first",
        sees: r#"log (warn): `MTS gave a second token that is not the first; the first one counts`, with the registrant, once a minute at most<br>metrics: `omc_callback_results_total{outcome="disputed"}`"#,
        recovers: "at once",
    } results::second_token;
    garbage {
        fault: "garbage: a proxy's page, cut JSON, JSON of another form, 100,000 nested lists",
        does: "refuses with 400; what was to be in it is asked for again",
        sees: r#"log (warn): `callbacks that were let in could not be used`, `"reason":"garbage"`<br>metrics: `omc_callbacks_total{result="garbage"}`"#,
        recovers: "at once",
    } results::garbage;
    too_many {
        fault: "more than 20,000 results in one body",
        does: "refuses with 413",
        sees: r#"log (warn): `callbacks that were let in could not be used`, `"reason":"too_many"`<br>metrics: `omc_callbacks_total{result="too_many"}`"#,
        recovers: "at once",
    } results::too_many;
    unknown_correlation {
        fault: "unknown correlation: none, cut, forged, or of another OMC; entries that are no results",
        does: "answers 200, as always, and believes nothing of it",
        sees: r#"log (warn): `results came that OMC did not ask for; they count for nothing`, with the address, once a minute at most<br>metrics: `omc_callback_results_total{outcome="stranger"}`, `omc_callback_results_total{outcome="shapeless"}`, `omc_callback_results_total{outcome="empty"}`"#,
        recovers: "at once",
    } results::unknown_correlation;
    of_a_lost_store {
        fault: "a correlation of OMC's own that nothing is known of: from before the store was lost",
        does: "believes nothing of it; the registrants are sent again, or were",
        sees: r#"metrics: `omc_callback_results_total{outcome="stale"}`, `omc_callback_results_total{outcome="late"}`"#,
        recovers: "at once",
    } results::of_a_lost_store;
    anothers_correlation {
        fault: "another connector's correlation, with the right credentials of one's own connector",
        does: "believes nothing of it; at the other connector's address these credentials are worth nothing",
        sees: r#"log (warn): `results came that OMC did not ask for; they count for nothing`<br>metrics: `omc_callback_results_total{outcome="stranger"}`, `omc_callbacks_total{result="unauthorised"}`"#,
        recovers: "at once",
    } results::anothers_correlation;
    another_registrant {
        fault: "another registrant's id in a correlation, within a good batch",
        does: "believes nothing of this result, for either registrant; the others count",
        sees: r#"log (warn): `results came that OMC did not ask for; they count for nothing`<br>metrics: `omc_callback_results_total{outcome="stranger"}`, `omc_callback_results_total{outcome="token"}`"#,
        recovers: "at once",
    } results::another_registrant;
    wrong_token_type {
        fault: "another token type in a correlation, within a good batch",
        does: "the same",
        sees: r#"log (warn): `results came that OMC did not ask for; they count for nothing`<br>metrics: `omc_callback_results_total{outcome="stranger"}`, `omc_callback_results_total{outcome="token"}`"#,
        recovers: "at once",
    } results::wrong_token_type;
    corrected_vid {
        fault: "a token for a VID that is not the registrant's any more: corrected while MTS had it",
        does: "compares the VID again when it writes, writes nothing, and sends the new VID; a result for the old one then counts for nothing",
        sees: r#"metrics: `omc_callback_results_total{outcome="stale"}`"#,
        recovers: "with the result for the new VID",
    } results::corrected_vid;
    empty_token {
        fault: "an empty token, again and again",
        does: "sends the record again, `retry.attempts` times at most, then gives it up",
        sees: "Odoo: `OMC-CODE-001`, `MTS refused the record without a code that can be shown.`<br>failed: `OMC-CODE-001`",
        recovers: "a good result brings it back, however late; else the administrator requeues it",
    } results::empty_token;
    unknown_status {
        fault: "a status or a code that OMC does not know, with a token or without",
        does: "takes no token of it; sends the record again, `retry.attempts` times at most",
        sees: r#"metrics: `omc_callback_results_total{outcome="error"}`"#,
        recovers: "with a result that is one",
    } results::unknown_status;
    long_token {
        fault: "a token over 100 characters, which Odoo would cut",
        does: "writes nothing of it, keeps the VID, and shows the record as refused",
        sees: "Odoo: `OMC-TOKEN-002`, `it is empty, or over 100 characters`<br>failed: `OMC-TOKEN-002`",
        recovers: "requeued by the administrator, once MTS is set right",
    } results::long_token;
    before_the_answer {
        fault: "a forged result while MTS has not yet answered the POST; and MTS's own",
        does: "believes nothing of the forged one; takes MTS's own, writes its token, and waits for the answer",
        sees: r#"log (warn): `results came that OMC did not ask for; they count for nothing`<br>metrics: `omc_callback_results_total{outcome="stranger"}`"#,
        recovers: "at once",
    } results::before_the_answer;
    huge_body {
        fault: "a body of 100 MB, announced or in chunks, with the right bearer; without it, in chunks",
        does: "refuses with 413 as soon as it is announced, or when `callback.max_body` is passed; with 401, unread, where nothing is shown",
        sees: r#"log (warn): `callbacks that were let in could not be used`, `"reason":"too_large"`<br>metrics: `omc_callbacks_total{result="too_large"}`, `omc_callbacks_total{result="unauthorised"}`"#,
        recovers: "at once",
    } crowds::huge_body;
    slow_headers {
        fault: "slow loris: twice as many connections as the listener has places, each dripping its headers",
        does: "gives the place of the one that has said nothing useful for longest to whoever comes next; ends each after ten seconds",
        sees: "metrics: `omc_connections_shed_total`",
        recovers: "at once; callbacks get through meanwhile",
    } crowds::slow_headers;
    slow_body {
        fault: "slow loris: the same with the right bearer, each dripping its body",
        does: "keeps 32 of them for a connector, up to 120 seconds each; the others give way to whoever comes next",
        sees: "metrics: `omc_connections_shed_total`",
        recovers: "at once; callbacks get through meanwhile",
    } crowds::slow_body;
    ten_thousand {
        fault: "10,000 callbacks, 200 at a time: without or with wrong credentials, forged, replayed, garbage",
        does: "answers each as above; stores MTS's own in between (`tests/hostile` holds it to a second for each, with slow connections besides)",
        sees: r#"log (warn): `calls with wrong credentials, again and again`, `results came that OMC did not ask for`, `callbacks that were let in could not be used`, each once a minute at most<br>metrics: `omc_callbacks_total{result="unauthorised"}`"#,
        recovers: "at once; callbacks get through meanwhile",
    } crowds::ten_thousand;
}
