//! The archive in a store that others wrote, which checks signatures and takes parts as S3 does.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::*;
use peer::Moto;

#[path = "../../../../../../tests/e2e/tests/it/moto.rs"]
mod peer;

/// An archive in it, for who has that secret.
fn archive(moto: &Moto, secret: &str) -> Archive {
    let settings = [
        ("AWS_ENDPOINT_URL_S3", moto.told("url")),
        ("AWS_REGION", moto.told("region")),
        ("AWS_ACCESS_KEY_ID", moto.told("id")),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let bucket = config::Archive::Bucket {
        name: "calls".into(),
        prefix: "p".into(),
        settings: settings.into(),
    };
    Archive::open(bucket).unwrap()
}

#[tokio::test]
async fn a_long_one_goes_in_parts_into_a_store_that_checks_signatures() {
    const OCTETS: usize = 20 << 20;
    let Some(mut moto) = Moto::start() else {
        return;
    };
    let scene = Scene::of(1, OCTETS).await;
    let stranger = scene.keeper(Some(archive(&moto, "another secret")));
    assert_eq!(stranger.look().await, Ok(false));
    assert_eq!(
        (scene.here(), scene.waiting().await),
        (vec![true], vec![Place::Node])
    );
    let nothing = json!({ "objects": [], "uploads": 0 });
    assert_eq!(moto.has(), nothing);

    let keeper = scene.keeper(Some(archive(&moto, moto.told("secret"))));
    assert_eq!(keeper.look().await, Ok(true));
    assert_eq!((scene.here(), scene.waiting().await), (vec![false], vec![]));
    let row = &scene.rows[0];
    let object = json!({
        "name": format!("p/{}/{}.wav", row.tenant, row.id),
        "size": OCTETS,
        "sha256": format!("{:x}", Sha256::digest(Scene::octets(OCTETS))),
        "parts": 3,
    });
    assert_eq!(moto.has(), json!({ "objects": [object], "uploads": 0 }));
    let part = scene.heard(&keeper, row, 8_388_600..8_388_616).await;
    assert_eq!(part, Scene::octets(OCTETS)[8_388_600..8_388_616]);

    scene.delete(row).await;
    assert_eq!(keeper.look().await, Ok(true));
    assert_eq!(moto.has(), nothing);
}
