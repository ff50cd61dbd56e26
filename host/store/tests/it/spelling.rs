//! Trunks that spell numbers in their own way, and who can then still be told from whom.

use model::{HeaderNames, Rewrite, Rule, Rules, Spelling, TenantId, Trunk};

use crate::home::{Home, NOW, conflict};

fn rules(rules: &[(&str, usize, &str)]) -> Rules {
    let rule = |&(prefix, strip, prepend): &(&str, usize, &str)| Rule {
        prefix: prefix.to_owned(),
        strip,
        prepend: prepend.to_owned(),
    };
    Rules::new(rules.iter().map(rule).collect()).unwrap()
}

/// Gives a tenant a trunk whose calls come from that block and have called numbers to be read so.
async fn trunk(
    home: &mut Home,
    tenant: TenantId,
    block: &str,
    called: &[(&str, usize, &str)],
) -> Result<(), store::StoreError> {
    let mut trunk = home.a_trunk("carrier", "192.0.2.1:5060", block);
    trunk.rewrite.inbound.called = rules(called);
    home.store.create_trunk(tenant, &trunk, NOW).await
}

#[tokio::test]
async fn a_trunk_keeps_its_rules_and_its_lists() {
    let mut home = Home::new().await;
    let acme = home.tenant("acme", "acme.example").await;
    let names = |names: &[&str]| {
        HeaderNames::new(names.iter().map(|&name| name.to_owned()).collect()).unwrap()
    };
    let trunk = Trunk {
        rewrite: Rewrite {
            inbound: Spelling {
                called: rules(&[("+49", 3, "0"), ("+", 1, "00")]),
                caller: rules(&[("+", 1, "00")]),
            },
            outbound: Spelling {
                called: rules(&[("0", 1, "+49")]),
                caller: rules(&[("", 0, "+4930")]),
            },
        },
        headers_in: names(&["Geolocation"]),
        headers_out: names(&["Geolocation", "X-Account"]),
        ..home.a_trunk("carrier", "192.0.2.1:5060", "192.0.2.0/24")
    };
    home.store.create_trunk(acme, &trunk, NOW).await.unwrap();
    assert_eq!(home.store.trunk(acme, trunk.id).await.unwrap(), trunk);
    let config = home.store.tenant_config(acme).await.unwrap();
    assert_eq!(config.trunks, [trunk]);
}

#[tokio::test]
async fn what_becomes_the_number_of_two_tenants_is_refused_whichever_comes_last() {
    const PLAIN: &[(&str, usize, &str)] = &[];
    const GERMAN: &[(&str, usize, &str)] = &[("+49", 3, "0")];
    const OTHER: &[(&str, usize, &str)] = &[("+4930", 5, ""), ("+49", 3, "9")];
    // Rules and number of the one, then of the other; whether they can be told apart.
    let cases = [
        (GERMAN, "030123", PLAIN, "+4930123", false),
        (GERMAN, "030123", PLAIN, "030123", false),
        (GERMAN, "030123", PLAIN, "30123", true),
        (GERMAN, "030123", GERMAN, "030123", false),
        (GERMAN, "030123", OTHER, "123", false),
        (GERMAN, "030123", OTHER, "930123", true),
        (GERMAN, "040123", OTHER, "940123", false),
        (OTHER, "030123", PLAIN, "+4930030123", false),
        // Nobody calls a number from there that becomes ours.
        (&[("0", 1, "1")], "030123", PLAIN, "030123", true),
    ];
    for (ours, number, theirs, other, apart) in cases {
        for block in ["192.0.2.0/24", "198.51.100.0/24"] {
            for trunk_last in [false, true] {
                let mut home = Home::new().await;
                let acme = home.tenant("acme", "acme.example").await;
                let evil = home.tenant("evil", "evil.example").await;
                trunk(&mut home, acme, "192.0.2.1", ours).await.unwrap();
                home.number(acme, number).await.unwrap();
                let made = if trunk_last {
                    home.number(evil, other).await.unwrap();
                    trunk(&mut home, evil, block, theirs).await
                } else {
                    trunk(&mut home, evil, block, theirs).await.unwrap();
                    home.number(evil, other).await.map(drop)
                };
                if apart || block != "192.0.2.0/24" {
                    assert_eq!(made, Ok(()), "{number} {other} {block} {trunk_last}");
                } else {
                    conflict(made, "another tenant");
                }
            }
        }
    }
}
