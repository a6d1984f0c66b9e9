//! Ranks as threads with real sockets between them; as processes they are in `tests/it/ranks.rs`.

use std::{os::unix::net::UnixStream, path::Path, thread};

use anyhow::Result;

use super::{
    super::{
        objective::{
            Formula, Preferred,
            tests::{preference_options, write as write_pairs},
        },
        run::Outcome,
        tests::{
            options,
            session::{Material, StopAfter, label_options, session_as, timeless},
        },
    },
    Alone, Exchange, Ranks, Wire, agree, check_shares, share, sum,
    wire::Peer,
};
use crate::{
    model::Lora,
    ops::{Backend, cpu::Cpu},
    train::Options,
};

/// Runs `work` as each of `count` ranks; what each returns, in order.
fn as_ranks<T: Send>(count: usize, work: impl Fn(&Wire) -> T + Sync) -> Vec<T> {
    let (mut peers, mut streams) = (Vec::new(), Vec::new());
    for _ in 1..count {
        let (ours, theirs) = UnixStream::pair().unwrap();
        peers.push(Peer {
            device: "thread".to_owned(),
            stream: ours,
            process: None,
        });
        streams.push(theirs);
    }
    let work = &work;
    thread::scope(|scope| {
        let followers: Vec<_> = streams
            .into_iter()
            .zip(1..)
            .map(|(stream, rank)| scope.spawn(move || work(&Wire::follower(rank, stream).unwrap())))
            .collect();
        let wire = Wire::leader(peers);
        wire.begin().unwrap();
        let mut all = vec![work(&wire)];
        drop(wire);
        all.extend(followers.into_iter().map(|rank| rank.join().unwrap()));
        all
    })
}

#[test]
fn shares_are_whole_micro_batches_that_cover_the_step() {
    for (sequences, micro_batch) in [(16, 4), (17, 4), (5, 2), (3, 1), (8, 8)] {
        let options = Options {
            sequences,
            micro_batch,
            ..options(1)
        };
        for count in 1..=sequences.div_ceil(micro_batch) {
            check_shares(&options, count).unwrap();
            let mut at = 0;
            for rank in 0..count {
                let own = share(&options, rank, count);
                assert!(
                    own.start == at && !own.is_empty() && own.start.is_multiple_of(micro_batch)
                );
                at = own.end;
            }
            assert_eq!(at, sequences);
        }
        let error = check_shares(&options, sequences + 1)
            .unwrap_err()
            .to_string();
        assert!(error.contains("--batch-tokens"), "{error}");
    }
}

#[test]
fn numbers_and_gradients_are_summed_in_the_order_of_the_ranks() {
    let b = Cpu::default();
    // Of a length that takes several messages, with values whose sum depends on its order.
    let own = |rank: usize| -> Vec<f32> {
        let scale = [1.0, 1e8, -1e8][rank];
        (0..(1 << 18) + 77).map(|i| scale + i as f32).collect()
    };
    let got = as_ranks(3, |wire| {
        let mut numbers = [wire.rank() as f64 + 0.5, 1.0];
        sum(wire, &mut numbers).unwrap();
        let said = agree(wire, format!("rank {}", wire.rank())).unwrap();
        let values = own(wire.rank());
        let mut gradients = [b.upload(1, values.len(), &values).unwrap()];
        wire.sum_gradients(&b, &mut gradients).unwrap();
        (numbers, said, b.download(&gradients[0]).unwrap())
    });
    let (first, second, third) = (own(0), own(1), own(2));
    let want: Vec<f32> = (0..first.len())
        .map(|i| (first[i] + second[i]) + third[i])
        .collect();
    for (numbers, said, gradients) in got {
        assert_eq!((numbers, said.as_str()), ([4.5, 3.0], "rank 0"));
        assert!(gradients == want);
    }
}

#[test]
fn a_rank_that_fails_or_dies_is_named_and_ends_the_others() {
    let all = as_ranks(3, |wire| -> Result<()> {
        wire.gather(&[1])?;
        if wire.rank() == 2 {
            wire.fail(&anyhow::anyhow!("no room on the device"));
            return Ok(());
        }
        wire.gather(&[2])?;
        Ok(())
    });
    let error = all[0].as_ref().unwrap_err().to_string();
    let want = "rank 2 (thread) has failed: no room on the device";
    assert!(error.contains(want) && error.contains("intact"), "{error}");
    let error = format!("{:#}", all[1].as_ref().unwrap_err());
    assert!(error.contains("rank 0"), "{error}");

    let all = as_ranks(2, |wire| -> Result<()> {
        if wire.rank() == 1 {
            return Ok(());
        }
        wire.gather(&[2])?;
        Ok(())
    });
    let error = all[0].as_ref().unwrap_err().to_string();
    assert!(error.contains("rank 1 (thread) has died"), "{error}");
}

/// A run of `count` ranks; the outcome of each.
fn session_of(
    count: usize,
    (material, options): (&Material, &Options),
    out: &Path,
    left: Option<u64>,
) -> Vec<Outcome<Cpu>> {
    if count == 1 {
        let mut watcher = StopAfter::steps(left);
        return vec![session_as(&Alone, material, options, out, &mut watcher).unwrap()];
    }
    as_ranks(count, |wire| {
        let mut watcher = StopAfter::steps(left.filter(|_| wire.rank() == 0));
        session_as(wire, material, options, out, &mut watcher).unwrap()
    })
}

fn weights(outcome: &Outcome<Cpu>) -> Vec<Vec<f32>> {
    let trained = outcome.model.trained().iter();
    trained.map(|weight| weight.to_vec()).collect()
}

/// The numbers of all lines, each with how far another order of sums may move it.
fn numbers(out: &Path) -> Vec<(f64, f64)> {
    let lines = timeless(out).into_iter();
    let of_pairs = |pairs: Option<Preferred>| {
        let pairs = pairs.into_iter();
        pairs.flat_map(|of| {
            let counts = [
                of.pairs as f64,
                of.accuracy,
                of.chosen_likelier,
                of.chosen_loss,
            ];
            // Rewards are differences of sums of many losses.
            let small = [of.margin, of.chosen_reward, of.rejected_reward];
            let counts = counts.map(|number| (number, 1e-5 * number.abs()));
            counts.into_iter().chain(small.map(|number| (number, 1e-5)))
        })
    };
    lines
        .flat_map(|line| {
            let plain = [line.loss, Some(line.grad_norm), line.val_loss];
            let told = line
                .val_classes
                .map(|of| [of.documents as f64, of.accuracy]);
            let plain = plain.map(Option::unwrap_or_default).into_iter();
            plain
                .chain(told.into_iter().flatten())
                .map(|number| (number, 1e-5 * number.abs()))
                .chain(of_pairs(line.preference))
                .chain(of_pairs(line.val_preference))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Checks that two runs say the same but for the order in which f32 gradients are summed.
fn close(got: &Path, want: &Path) {
    let (got, want) = (numbers(got), numbers(want));
    assert_eq!(got.len(), want.len());
    for ((got, _), (want, most)) in got.into_iter().zip(want) {
        assert!((got - want).abs() <= most, "{got} and {want}");
    }
}

/// Compares a run of one rank with runs of more, alone and gone on with by others.
fn compare(material: &Material, options: &Options) {
    let run = (material, options);
    let dirs: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let [alone, pair, again, mixed] = [0, 1, 2, 3].map(|i| dirs[i].path());
    let want = session_of(1, run, alone, None);
    let two = session_of(2, run, pair, None);
    assert!(two[0].complete && two[1].complete);
    assert_eq!(
        weights(&two[0]),
        weights(&two[1]),
        "every rank has the same weights"
    );
    close(pair, alone);
    let measured = |of: &Outcome<Cpu>| {
        of.val.is_some() || of.val_preference.is_some() || of.val_classes.is_some()
    };
    assert!(measured(&two[0]) && !measured(&two[1]));
    assert_eq!(two[0].state.counted, want[0].state.counted);
    assert_eq!(two[1].state, two[0].state);

    // The same once more, with an interruption: the same bits.
    session_of(2, run, again, Some(4));
    let second = session_of(2, run, again, None);
    assert_eq!(weights(&second[0]), weights(&two[0]));
    assert_eq!(timeless(again), timeless(pair));

    // Begun by three, gone on with by one and ended by two.
    session_of(3, run, mixed, Some(4));
    session_of(1, run, mixed, Some(3));
    session_of(2, run, mixed, None);
    close(mixed, alone);
}

#[test]
fn ranks_learn_what_one_process_does() {
    compare(&Material::texts(), &options(11));
}

#[test]
fn ranks_leave_out_what_one_process_does() {
    let lora = Lora {
        rank: 2,
        alpha: 4.0,
        dropout: 0.3,
        targets: Lora::all_targets(&options(1).model).unwrap(),
    };
    let options = Options {
        lora: Some(lora.clone()),
        base: Some("base".to_owned()),
        ..options(11)
    };
    compare(&Material::texts(), &options);
    // A head of labels learns beside the adapters.
    let options = Options {
        lora: Some(lora),
        base: Some("base".to_owned()),
        ..label_options(11)
    };
    compare(&Material::labels(), &options);
}

#[test]
fn ranks_prefer_what_one_process_does() {
    let shards = tempfile::tempdir().unwrap();
    write_pairs(shards.path(), [60, 20]);
    let material = Material::pairs(shards.path());
    for formula in [Formula::Dpo, Formula::Ipo] {
        let lora = Lora {
            rank: 2,
            alpha: 4.0,
            dropout: 0.3,
            targets: Lora::all_targets(&options(1).model).unwrap(),
        };
        let is_dpo = formula == Formula::Dpo;
        compare(
            &material,
            &Options {
                lora: is_dpo.then_some(lora),
                ..preference_options(formula, 11)
            },
        );
    }
}

#[test]
fn ranks_tell_labels_as_one_process_does() {
    compare(&Material::labels(), &label_options(11));
}

#[test]
fn ranks_balance_experts_as_one_process_does() {
    let mut options = options(11);
    options.model.arch = crate::model::Arch::Mixtral;
    options.model.tied = false;
    options.model.experts = Some(crate::model::Experts {
        count: 4,
        per_token: 2,
        balance: 0.05,
    });
    compare(&Material::texts(), &options);
}

#[test]
fn ranks_skip_and_go_back_together() {
    let mut options = options(50);
    options.schedule.lr = 1e30;
    let out = tempfile::tempdir().unwrap();
    let all = as_ranks(2, |wire| {
        let mut watcher = StopAfter::default();
        let ended = session_as(wire, &Material::texts(), &options, out.path(), &mut watcher);
        (format!("{:#}", ended.err().unwrap()), watcher.notes)
    });
    assert_eq!(all[0], all[1]);
    assert!(all[0].0.contains("diverged"), "{}", all[0].0);
}
