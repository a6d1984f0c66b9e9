//! Ranks as threads with real sockets between them; as processes they are in `tests/it/ranks.rs`.

use std::{os::unix::net::UnixStream, path::Path, thread};

use anyhow::Result;

use super::{
    super::{
        metrics,
        run::{Data, Outcome, Saving, run_among},
        tests::{StopAfter, options, stream},
    },
    Alone, Exchange, Ranks, Wire, agree, check_shares, share, sum,
    wire::Peer,
};
use crate::{
    model::{Adapters, Lora, Model},
    ops::{Backend, cpu::Cpu},
    train::{Loader, Options},
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

/// A run, or what is left of one, as one rank.
fn session<E: Ranks<Cpu>>(
    ranks: &E,
    options: &Options,
    out: &Path,
    watcher: &mut StopAfter,
) -> Result<Outcome<Cpu>> {
    let stream = stream();
    let data = Data {
        train: Loader::new(&stream, options.packing, options.seq_len, options.seed)?,
        val: Some(Loader::new(&stream, options.packing, options.seq_len, 0)?),
        groups: None,
        token_bytes: &[2; 100],
        utilisation: None,
        prompts: None,
        unchanged: &|| Ok(()),
    };
    let b = Cpu::default();
    let mut model = Model::random(&b, options.model.clone(), options.seed)?;
    if let Some(lora) = &options.lora {
        let config = &options.model;
        model.adapters = Some(Adapters::new(&b, config, lora.clone(), options.seed)?);
    }
    let saving = Saving { every: 3, keep: 2 };
    run_among(ranks, &b, model, &data, options, saving, out, watcher)
}

/// A run of `count` ranks; the outcome of each.
fn session_of(count: usize, options: &Options, out: &Path, left: Option<u64>) -> Vec<Outcome<Cpu>> {
    let run = |wire: &Wire| {
        let mut watcher = StopAfter {
            left: left.filter(|_| wire.rank() == 0),
            ..StopAfter::default()
        };
        session(wire, options, out, &mut watcher).unwrap()
    };
    if count == 1 {
        let mut watcher = StopAfter {
            left,
            ..StopAfter::default()
        };
        return vec![session(&Alone, options, out, &mut watcher).unwrap()];
    }
    as_ranks(count, run)
}

fn weights(outcome: &Outcome<Cpu>) -> Vec<Vec<f32>> {
    let trained = outcome.model.trained().iter();
    trained.map(|weight| weight.to_vec()).collect()
}

fn losses(out: &Path) -> Vec<[f64; 3]> {
    let lines = metrics::read(out).unwrap().into_iter();
    lines
        .map(|l| [l.loss.unwrap(), l.grad_norm, l.val_loss.unwrap_or_default()])
        .collect()
}

/// Compares a run of one rank with runs of more, alone and gone on with by others.
fn compare(options: &Options) {
    let dirs: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let [alone, pair, again, mixed] = [0, 1, 2, 3].map(|i| dirs[i].path());
    let want = session_of(1, options, alone, None);
    let two = session_of(2, options, pair, None);
    assert!(two[0].complete && two[1].complete);
    assert_eq!(
        weights(&two[0]),
        weights(&two[1]),
        "every rank has the same weights"
    );
    assert_eq!(losses(pair).len(), losses(alone).len());
    for (got, want) in losses(pair)
        .iter()
        .flatten()
        .zip(losses(alone).iter().flatten())
    {
        assert!((got - want).abs() <= 1e-5 * want.abs(), "{got} and {want}");
    }
    assert!(two[0].val.is_some() && two[1].val.is_none());
    assert_eq!(two[0].state.counted, want[0].state.counted);
    assert_eq!(two[1].state, two[0].state);

    // The same once more, with an interruption: the same bits.
    session_of(2, options, again, Some(4));
    let second = session_of(2, options, again, None);
    assert_eq!(weights(&second[0]), weights(&two[0]));
    assert_eq!(losses(again), losses(pair));

    // Begun by three, gone on with by one and ended by two.
    session_of(3, options, mixed, Some(4));
    session_of(1, options, mixed, Some(3));
    session_of(2, options, mixed, None);
    for (got, want) in losses(mixed)
        .iter()
        .flatten()
        .zip(losses(alone).iter().flatten())
    {
        assert!((got - want).abs() <= 1e-5 * want.abs(), "{got} and {want}");
    }
}

#[test]
fn ranks_learn_what_one_process_does() {
    compare(&options(11));
}

#[test]
fn ranks_leave_out_what_one_process_does() {
    let lora = Lora {
        rank: 2,
        alpha: 4.0,
        dropout: 0.3,
        targets: Lora::all_targets(&options(1).model).unwrap(),
    };
    compare(&Options {
        lora: Some(lora),
        base: Some("base".to_owned()),
        ..options(11)
    });
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
    compare(&options);
}

#[test]
fn ranks_skip_and_go_back_together() {
    let mut options = options(50);
    options.schedule.lr = 1e30;
    let out = tempfile::tempdir().unwrap();
    let all = as_ranks(2, |wire| {
        let mut watcher = StopAfter::default();
        let ended = session(wire, &options, out.path(), &mut watcher);
        (format!("{:#}", ended.err().unwrap()), watcher.notes)
    });
    assert_eq!(all[0], all[1]);
    assert!(all[0].0.contains("diverged"), "{}", all[0].0);
}
