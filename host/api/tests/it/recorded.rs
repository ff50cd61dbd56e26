//! Recorded turns: which sessions there are, and their turns.

use model::SessionId;
use serde_json::json;
use store::{RecordedTurn, admin};

use crate::harness::{Api, NOW, Tenant};

const SESSIONS: &str = "/api/v1/sessions";

/// Records a turn of that session.
pub(crate) async fn recorded_turn(api: &Api, tenant: &Tenant, session: SessionId, number: u32) {
    let turn = RecordedTurn {
        tenant: tenant.id,
        session,
        number,
        plugin: "makecall".into(),
        version: 3,
        digest: "sha256:ab".into(),
        at: NOW,
        body: (number < 2).then(|| format!("{{\"turn\":{number}}}")),
        missing: 0,
    };
    let written = admin::record(&api.store, vec![turn]).await;
    written.unwrap();
}

#[tokio::test]
async fn an_author_sees_the_turns_of_its_sessions() {
    let mut api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let author = api.key(&tenant, "developer", None).await;
    let session = SessionId::mint(&mut api.ids, NOW);
    for number in 0..3 {
        recorded_turn(&api, &tenant, session, number).await;
    }
    let mut expected = json!({
        "session_id": session.to_string(), "plugin": "makecall", "version": 3,
        "digest": "sha256:ab", "begin_time": "2026-07-24T08:00:00.000Z",
        "turns_recorded": 2, "size": 20, "turns_lost": 1,
    });
    for (query, found) in [
        ("", true),
        ("?plugin=makecall&version=3", true),
        ("?plugin=other", false),
        ("?version=2", false),
        ("?since=2026-07-24T08:00:00Z", true),
        ("?since=2026-07-24T08:00:01Z", false),
    ] {
        let list = api.get(&format!("{SESSIONS}{query}"), &author).await;
        let data = if found {
            vec![expected.clone()]
        } else {
            vec![]
        };
        assert_eq!(
            list.expect(200),
            json!({"data": data, "has_more": false}),
            "{query}"
        );
    }
    let turns = api
        .get(&format!("{SESSIONS}/{session}/turns"), &author)
        .await;
    expected["turns"] = json!([{"turn": 0}, {"turn": 1}]);
    assert_eq!(turns.expect(200), expected);
    let wrong = api.get(&format!("{SESSIONS}?since=today"), &author).await;
    wrong.problem(400, "invalid-query");
}
