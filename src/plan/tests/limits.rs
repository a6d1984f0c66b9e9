//! Where a plan ends: passes that teach nothing, years, cards that are too few, sizes that cannot be.

use super::{assert_within, gpu, of, request};
use crate::plan::memory::{self, Method};
use crate::plan::route::Name;
use crate::plan::scaling::{self, Data, FITS};
use crate::plan::shape::Shape;
use crate::plan::verdict::Training;
use crate::plan::{Lang, Report, plan, repeat, view};

fn with_passes(parameters: f64, tokens: f64, epochs: f64) -> Report {
    let mut request = request(parameters, tokens, "h100", 8);
    request.epochs = epochs;
    plan(&request)
}

#[test]
fn passes_without_end_are_not_enough_data() {
    for epochs in [40.0, 100.0, 1000.0] {
        for (parameters, tokens) in [(8e9, 7e9), (5.8e9, 7e9), (1e9, 0.5e9)] {
            let report = with_passes(parameters, tokens, epochs);
            assert!(!report.training.suffices(), "{epochs} {parameters:e}");
            assert_ne!(report.advice, Some(Name::Scratch));
            for text in ["in proportion", "and enough", "The data would do"] {
                assert!(!report.verdict.contains(text), "{}", report.verdict);
            }
            for text in [
                "which alone count here",
                "however often they are seen",
                "Plan at most 16",
            ] {
                assert!(report.verdict.contains(text), "{text}: {}", report.verdict);
            }
        }
    }
    // What four passes are worth is as good as new, and so is a size that they suit.
    let report = with_passes(1.3e9, 7e9, 4.0);
    assert_eq!(report.training, Training::NearOptimal);
    assert_eq!(report.judged_tokens, report.effective_tokens);
}

#[test]
fn parameters_decay_as_repeated_tokens_do() {
    let worth = |times| repeat::effective_parameters(times, 1.0);
    assert_eq!(worth(0.5), 0.5);
    assert_eq!(worth(1.0), 1.0);
    // Equation 6: at R_N* the excess is worth 1 - 1/e of itself.
    let excess = (worth(1.0 + repeat::R_N_STAR) - 1.0) / repeat::R_N_STAR;
    assert_within(excess, 1.0 - (-1.0_f64).exp(), 1e-9, "R_N*");
    assert!(worth(1e9) <= 1.0 + repeat::R_N_STAR);
    // The paper's largest run: 8.67B parameters, 178B tokens of 25B different ones, and the 6.34B that
    // did better for the same FLOPs.
    let loss = |parameters: f64, tokens: f64| {
        FITS.map(|fit| fit.repeated_loss(parameters, 25e9, tokens / 25e9))
    };
    let (large, small) = (loss(8.67e9, 178e9), loss(6.34e9, 242e9));
    assert!(small.iter().zip(large).all(|(small, large)| *small < large));
}

#[test]
fn repeats_and_excess_raise_the_expected_loss() {
    let data = |epochs| Data {
        unique: 7e9,
        epochs,
        vocab_size: 32_000.0,
    };
    for fit in FITS {
        let loss = |epochs| fit.repeated_loss(8e9, 7e9, epochs);
        assert!(loss(40.0) > fit.loss(8e9, 280e9) + 0.05, "{}", fit.name);
        assert!(loss(40.0) < loss(4.0) && loss(1000.0) > loss(40.0) - 0.02);
        assert_eq!(fit.repeated_loss(100e6, 7e9, 1.0), fit.loss(100e6, 7e9));
    }
    assert!(scaling::expected_loss(8e9, data(1.0)).is_some());
}

#[test]
fn a_loss_worse_than_guessing_is_not_told() {
    let report = of(596e3, 12e6, "h100", 1);
    assert!(report.expected_loss.is_none());
    assert!(report.fits.iter().all(|fit| fit.expected_loss.is_none()));
    for (parameters, tokens) in [(5e6, 1e4), (50e6, 1e5), (1e9, 1e3), (1e9, 1e9)] {
        let report = of(parameters, tokens, "h100", 1);
        let most = report.model.vocab_size.ln();
        for fit in &report.fits {
            assert!(fit.expected_loss.is_none_or(|loss| loss < most));
        }
    }
}

#[test]
fn years_are_out_of_reach() {
    let report = of(1e9, 15e12, "l4", 1);
    assert!(report.wall_hours > Some(50.0 * 8766.0));
    assert_eq!(report.advice, None);
    assert!(!report.verdict.contains("sound"), "{}", report.verdict);
    // 58.9 years are 707.1 months.
    for text in [
        "More than a year is out of reach: 708 L4 would do it in a month",
        "this is out of reach",
    ] {
        assert!(report.verdict.contains(text), "{text}: {}", report.verdict);
    }
    let enough = of(1e9, 15e12, "l4", 708);
    assert_eq!(enough.advice, Some(Name::Scratch));
    assert!(enough.wall_hours < Some(731.0));
    let russian = plan(&crate::plan::Request {
        lang: Lang::Ru,
        ..request(1e9, 15e12, "l4", 1)
    });
    assert!(
        russian.verdict.contains("недостижимо"),
        "{}",
        russian.verdict
    );
}

#[test]
fn the_fewest_cards_are_the_fewest() {
    for (parameters, card) in [
        (70e9, "h100"),
        (8e9, "4090"),
        (8e9, "h100"),
        (405e9, "b200"),
    ] {
        let shape = Shape::assume(parameters, None);
        let card = gpu(card).expect("known");
        let fits = |cards| memory::fitting(&shape, 2048.0, card, cards, Method::Full).is_some();
        let fewest = memory::gpus_needed(&shape, 2048.0, card, Method::Full).expect("some");
        assert!(fits(fewest) && !(1..fewest).any(fits), "{fewest}");
    }
    let report = of(70e9, 7e9, "h100", 8);
    assert_eq!(report.wall_gpus, report.route(Name::Scratch).gpus_needed);
    assert!(report.wall_gpus < Some(32));
}

#[test]
fn an_optimizer_of_less_memory_is_named_with_its_cost() {
    let report = of(8e9, 7e9, "h100", 1);
    let way = report.route(Name::Continue).trade.expect("it is offloaded");
    assert_eq!(way.setup, "full-offload");
    assert_eq!(
        (way.host_bytes, way.moved_bytes),
        (96_000_000_000, 32_000_000_000)
    );
    for text in [
        "--offload optimizer",
        "96 GB of the host's memory",
        "32 GB have moved",
    ] {
        assert!(report.verdict.contains(text), "{text}: {}", report.verdict);
    }
    // Eight bits cost less than the host's memory, and nothing is named where all fits.
    let eight = of(6e9, 120e9, "h100", 1);
    assert_eq!(
        eight.route(Name::Scratch).trade.map(|way| way.setup),
        Some("full-adam8")
    );
    assert!(
        eight.verdict.contains("only with --optimizer-bits 8"),
        "{}",
        eight.verdict
    );
    assert_eq!(of(1e9, 20e9, "h100", 1).route(Name::Scratch).trade, None);
}

#[test]
fn assumed_shapes_have_the_parameters_they_are_planned_for() {
    let vocabularies = [None, Some(16_384), Some(32_000), Some(128_256)];
    for parameters in [
        596e3, 5e6, 30e6, 110e6, 350e6, 1e9, 3e9, 8e9, 13e9, 70e9, 405e9, 1e12, 1e17,
    ] {
        for vocab in vocabularies {
            let shape = Shape::assume(parameters, vocab);
            let Shape {
                layers,
                hidden_size: h,
                ..
            } = shape;
            let tables = if shape.tied { 1.0 } else { 2.0 } * shape.vocab_size * h;
            let layer = 2.0 * h * shape.query_size
                + 2.0 * h * shape.key_size
                + 3.0 * h * shape.intermediate_size
                + 2.0 * h;
            let count = tables + layers * layer + h;
            assert_within(shape.parameters, count, 0.02, "the shape's own count");
            if 8.0 * vocab.unwrap_or(0) as f64 + 1e3 < parameters {
                assert_eq!(shape.parameters, parameters);
            }
            assert!(vocab.is_none_or(|size| shape.vocab_size == size as f64));
        }
    }
    // The smallest model with this table is larger than was asked for, and the plan says so.
    let mut request = request(50e3, 1e6, "h100", 1);
    request.shape = Shape::assume(50e3, Some(16_384));
    request.vocab_size = Some(16_384);
    let report = plan(&request);
    assert!(report.parameters > 131_072);
    let shown = view::render(&report, request.gpu);
    assert!(
        shown.contains("(not 50k: a vocabulary of 16384 takes more)"),
        "{shown}"
    );
}

#[test]
fn the_fitting_size_has_the_vocabulary_of_the_plan() {
    let mut request = request(8e9, 1e6, "h100", 1);
    request.vocab_size = Some(128_256);
    // 50k parameters do not hold that table.
    let route = plan(&request).route(Name::ScratchFitting).parameters;
    assert!(route > 8 * 128_256, "{route}");
}

#[test]
fn the_largest_micro_batch_is_that_of_the_most_divided() {
    let report = of(8e9, 15e12, "h100", 1024);
    for (name, seen) in [("rtx-3090", 2), ("a100-40gb", 1)] {
        let card = report
            .cards
            .iter()
            .find(|card| card.name == name)
            .expect("listed");
        let alone = of(8e9, 15e12, name, 1024);
        let most = alone
            .setups
            .iter()
            .filter(|setup| setup.method == Method::Full);
        let most = most.map(|setup| setup.micro_batch_checkpointed).max();
        assert_eq!(Some(card.micro_batch_full), most, "{name}");
        assert!(card.micro_batch_full > seen, "{name}");
    }
}

#[test]
fn hours_are_those_of_cards_that_hold_it() {
    let report = of(8e9, 7e9, "h100", 1);
    assert_eq!(report.wall_gpus, Some(2));
    assert_eq!(report.wall_hours, Some(report.cost.gpu_hours / 2.0));
    for route in &report.routes {
        assert_eq!(route.wall_hours.is_some(), route.fits, "{:?}", route.name);
    }
    let shown = view::render(&report, gpu("h100").expect("known"));
    assert!(
        shown.contains("on 2 cards, the fewest that hold it"),
        "{shown}"
    );
}

#[test]
fn divided_and_whole_are_not_compared_unsaid() {
    let mut request = request(47e9, 1e12, "h100", 64);
    request.shape.active_parameters = 13e9;
    let verdict = plan(&request).verdict;
    assert!(
        verdict.contains("a card (ZeRO stage 3), QLoRA"),
        "{verdict}"
    );
    assert!(verdict.contains("a card (nothing divided)"), "{verdict}");
}

#[test]
fn a_context_that_is_too_long_is_named() {
    let mut request = request(8e9, 7e9, "rtx-3090", 1);
    request.seq_len = 131_072;
    let report = plan(&request);
    assert_eq!(report.advice, None);
    assert!(
        report
            .verdict
            .contains("at sequences of 131 072 tokens; at "),
        "{}",
        report.verdict
    );
    assert!(report.verdict.contains("Shorten --seq-len"));
    request.lang = Lang::Ru;
    let russian = plan(&request).verdict;
    assert!(russian.contains("Уменьшите --seq-len"), "{russian}");
}
