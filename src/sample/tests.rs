use super::*;
use anyhow::Result;
use std::collections::BTreeMap;

fn plan(weights: &str, sample: u64) -> Result<Plan> {
    let bytes = BTreeMap::from([("ru", 4000), ("en", 1000), ("de", 500)]);
    let weights: Vec<LanguageWeight> = (weights.split(',').filter(|part| !part.is_empty()))
        .map(|part| parse_weight(part).unwrap())
        .collect();
    Plan::new(&bytes, &weights, sample)
}

/// Mean number of times that 10,000 documents count.
fn mean(plan: &Plan, language: &str) -> f64 {
    let times = (0..10_000_u128).map(|n| plan.times(language, &n.to_be_bytes(), 7));
    times.sum::<u64>() as f64 / 10_000.0
}

#[test]
fn weights_share_the_sample_out() {
    let half = plan("ru=0.5,en=0.5", 4000).unwrap();
    assert!((mean(&half, "ru") - 0.5).abs() < 0.02);
    assert_eq!(
        mean(&half, "en"),
        2.0,
        "too little English: all of it twice"
    );
    assert_eq!(mean(&half, "de"), 0.0);
    let some = plan("ru=0.6", 2000).unwrap();
    assert!((mean(&some, "ru") - 0.3).abs() < 0.02);
    // 800 bytes for 1500 of other languages.
    assert!((mean(&some, "de") - 0.533).abs() < 0.02);
    let none = plan("", 1100).unwrap();
    assert!((mean(&none, "ru") - 0.2).abs() < 0.02 && (mean(&none, "de") - 0.2).abs() < 0.02);
    assert_eq!(mean(&plan("", 1_000_000).unwrap(), "ru"), 1.0);
}

#[test]
fn weights_that_cannot_be_are_refused() {
    assert!(
        plan("ru=0.7,en=0.5", 100)
            .unwrap_err()
            .to_string()
            .contains("1.2")
    );
    assert!(
        plan("fr=0.5", 100)
            .unwrap_err()
            .to_string()
            .contains("\"fr\"")
    );
    for wrong in ["ru", "ru=x", "ru=1.5", "ru=-0.1"] {
        assert!(parse_weight(wrong).is_err(), "{wrong}");
    }
}
