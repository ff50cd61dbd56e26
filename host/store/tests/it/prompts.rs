//! Prompts: their names, what they may take, and what of it is in a snapshot.

use store::{KeptAudio, Page, StoreError, admin, limits};

use crate::home::{Home, NOW, conflict};

fn audio(what: &str, octets: i64) -> KeptAudio {
    KeptAudio {
        digest: format!("sha256:{what}"),
        octets: octets as u64,
        duration_ms: 1_500,
    }
}

#[tokio::test]
async fn a_prompt_is_made_listed_replaced_and_removed() {
    let mut home = Home::new().await;
    let tenant = home.tenant("acme", "acme.example").await;
    let other = home.tenant("other", "other.example").await;
    let store = &home.store;
    let made = store
        .create_prompt(tenant, "hello", &audio("a", 7), NOW)
        .await
        .unwrap();
    assert_eq!((made.name.as_str(), &made.audio), ("hello", &audio("a", 7)));
    store
        .create_prompt(tenant, "bye", &audio("b", 7), NOW)
        .await
        .unwrap();
    let again = store
        .create_prompt(tenant, "hello", &audio("c", 7), NOW)
        .await;
    conflict(again, "hello");

    let listed = store.prompts(tenant, &Page::first(9)).await.unwrap();
    let names: Vec<_> = listed.data.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["bye", "hello"]);
    let config = store.tenant_config(tenant).await.unwrap();
    assert_eq!(&*config.prompts["hello"].digest, "sha256:a");
    assert_eq!(config.prompts["hello"].duration_ms, 1_500);

    let replaced = store
        .replace_prompt(tenant, "hello", &audio("c", 9), NOW + 1)
        .await
        .unwrap();
    assert_eq!(
        (replaced.created, &replaced.audio),
        (NOW + 1, &audio("c", 9))
    );
    let none = Err(StoreError::NotFound { what: "prompt" });
    assert_eq!(
        store
            .replace_prompt(other, "hello", &audio("d", 9), NOW)
            .await,
        none
    );
    assert_eq!(store.prompt(other, "hello").await, none);
    assert!(store.delete_prompt(other, "hello").await.is_err());

    let needed = admin::prompt_audio(store).await.unwrap();
    let expected = ["sha256:b", "sha256:c"].map(|it| (tenant, it.to_owned()));
    assert!(needed.iter().eq(&expected));
    store.delete_prompt(tenant, "hello").await.unwrap();
    assert_eq!(store.prompt(tenant, "hello").await, none);
}

#[tokio::test]
async fn a_name_that_is_a_path_is_refused() {
    let mut home = Home::new().await;
    let tenant = home.tenant("acme", "acme.example").await;
    for name in ["", "../x", "a/b", "tone:busy"] {
        let refused = home
            .store
            .create_prompt(tenant, name, &audio("a", 1), NOW)
            .await;
        let field = "name";
        assert!(matches!(refused, Err(StoreError::Invalid { field: it, .. }) if it == field));
    }
}

#[tokio::test]
async fn all_prompts_of_a_tenant_together_have_a_limit_of_octets() {
    let mut home = Home::new().await;
    let tenant = home.tenant("acme", "acme.example").await;
    let other = home.tenant("other", "other.example").await;
    let (store, most) = (&home.store, limits::PROMPT_OCTETS);
    let full = Err(StoreError::Limit {
        what: "octets of prompts",
        most,
    });
    store
        .create_prompt(tenant, "a", &audio("a", most - 10), NOW)
        .await
        .unwrap();
    assert_eq!(
        store.create_prompt(tenant, "b", &audio("b", 11), NOW).await,
        full
    );
    store
        .create_prompt(tenant, "b", &audio("b", 10), NOW)
        .await
        .unwrap();
    assert_eq!(
        store
            .replace_prompt(tenant, "b", &audio("c", 11), NOW)
            .await,
        full
    );
    // What is replaced makes room; others have their own.
    store
        .replace_prompt(tenant, "a", &audio("d", most - 10), NOW)
        .await
        .unwrap();
    store
        .create_prompt(other, "a", &audio("a", most), NOW)
        .await
        .unwrap();
}
