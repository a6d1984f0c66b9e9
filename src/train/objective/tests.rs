//! Runs on preferences: gradients, packing, what is held out, resuming bit for bit.

use std::path::Path;

use super::{Formula, Joints, Judge, Objective, PairStream, Preference, pairs, places::Place};
use crate::{
    document::DocumentId,
    eval::Extent,
    model::{Adapters, Keep, Lora, Model},
    ops::{Backend, cpu::Cpu},
    shard::{self, Dataset, ShardInfo, ShardManifest, Split, pairs as files},
    train::{
        Loader, Options, Packing, Random, Sequences, Tokens, Trainer,
        loader::Scale,
        metrics,
        run::Outcome,
        tests::{
            config, options,
            session::{self, Material, StopAfter, timeless},
        },
    },
};

const SEQ: usize = 40;

/// Answers of tokens from 40 on are the better ones, those from 60 on the worse.
fn sides(random: &mut Random) -> [(Vec<u32>, Vec<bool>); 2] {
    let mut draw = |from: u32| from + (random.bits() % 20) as u32;
    let prompt: Vec<u32> = (0..3).map(|_| draw(20)).collect();
    [40, 60].map(|from| {
        let mut ids = prompt.clone();
        let tokens = 2 + draw(0) % 3;
        ids.extend((0..tokens).map(|_| draw(from)));
        ids.push(3);
        let mask = (0..ids.len()).map(|place| place >= prompt.len()).collect();
        (ids, mask)
    })
}

/// Writes a shard directory with nothing but pairs; shards of 2,000 bytes cut some of them in two.
pub(in crate::train) fn write(dir: &Path, counts: [usize; 2]) {
    let info = ShardInfo {
        vocab_size: 100,
        bos_id: None,
        eos_id: 3,
        pad_id: None,
        tokenizer_fingerprint: String::new(),
        chat_template_hash: String::new(),
    };
    let mut writers = files::writers(dir, &info, 2_000).unwrap();
    let mut random = Random::new(5);
    for (writer, count) in writers.iter_mut().zip(counts) {
        for number in 0..count {
            for (ids, mask) in sides(&mut random) {
                let id = DocumentId::new("made up", number as u64);
                writer.push(id, &ids, &mask, 0).unwrap();
            }
        }
    }
    let [train, val] = writers;
    let splits = [train.finish().unwrap(), val.finish().unwrap()];
    let config = serde_json::json!({});
    let entry = files::finish(dir, &config, &info, splits).unwrap();
    let none = [Split::Train, Split::Val].map(|_| shard::manifest::SplitEntry::default());
    let manifest = ShardManifest {
        pairs: vec![entry],
        ..ShardManifest::new(config, info, none, Vec::new(), Vec::new())
    };
    crate::atomic::write_json(&dir.join("manifest.json"), &manifest).unwrap();
}

fn stream(dir: &Path, split: Split) -> PairStream {
    PairStream::new(files::open(dir, split).unwrap(), 64)
}

pub(in crate::train) fn preference_options(formula: Formula, steps: u64) -> Options {
    Options {
        objective: Objective::Preference(Preference {
            formula,
            beta: 0.1,
            label_smoothing: 0.0,
            length_normalised: false,
        }),
        seq_len: SEQ,
        z_loss: None,
        eval_tokens: 400,
        ..options(steps)
    }
}

/// The rows of a side that the loss counts, as (input, target).
fn counted(data: &Sequences, rows: std::ops::Range<usize>) -> Vec<(u32, u32)> {
    rows.filter(|&row| data.counted[row])
        .map(|row| (data.ids[row], data.targets[row]))
        .collect()
}

#[test]
fn both_sides_of_a_pair_are_in_one_sequence_and_do_not_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), [40, 0]);
    let all = stream(dir.path(), Split::Train);
    assert!(
        all.data.files().len() > 1,
        "the test wants pairs across shards"
    );
    let joints = Joints::new([&all].into_iter());
    let loader = Loader::new(&all, Packing::Bestfit, SEQ, 3).unwrap();
    let loader = loader.finished_by(Some(&joints));
    let data = loader.samples(0, loader.count() as usize);
    let found = pairs::in_batch(&data, 0..data.count());
    assert_eq!(found.len(), 40);
    let mut seen = Vec::new();
    for pair in &found {
        let first = data.ids[pair.chosen.start..][..3].to_vec();
        assert_eq!(
            data.ids[pair.rejected.start..][..3],
            first,
            "the prompt of both"
        );
        let place = pair.chosen.start / SEQ;
        assert_eq!((pair.rejected.end - 1) / SEQ, place, "one sequence");
        for (rows, from) in [(&pair.chosen, 40), (&pair.rejected, 60)] {
            let answer = counted(&data, rows.clone());
            let (last, said) = answer.split_last().unwrap();
            assert_eq!(last.1, 3, "the end of the answer is learned");
            assert!(said.iter().all(|(_, id)| (from..from + 20).contains(id)));
            assert!((2..=4).contains(&said.len()));
            for row in rows.clone().take(3 + said.len()) {
                assert_eq!(data.starts[row] as usize, rows.start % SEQ, "row {row}");
            }
        }
        seen.push((first, counted(&data, pair.chosen.clone())));
    }
    // Some of the sequences are some of the pairs, with rows that begin at the first of them.
    let later = pairs::in_batch(&data, 2..data.count());
    let rows = 2 * SEQ;
    let want: Vec<_> = found
        .iter()
        .filter(|pair| pair.chosen.start >= rows)
        .collect();
    assert_eq!(later.len(), want.len());
    assert_eq!(later[0].chosen.start + rows, want[0].chosen.start);
    // Padding is documents of one token.
    let padding = (0..data.ids.len()).filter(|&row| data.ids[row] == 0);
    for row in padding {
        assert_eq!(data.starts[row] as usize, row % SEQ);
    }
}

#[test]
fn pairs_that_do_not_fit_are_left_out_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), [40, 0]);
    let all = stream(dir.path(), Split::Train);
    // The last token of each side predicts nothing and needs no row.
    let most = all.places.iter().map(Place::tokens).max().unwrap();
    assert_eq!(all.longest() + 2, most);
    let whole = Loader::new(&all, Packing::Bestfit, all.longest() as usize, 3).unwrap();
    assert_eq!(whole.packed().truncated_documents, 0);
    let rows = whole.chosen(0..whole.count());
    let mask = all.counted(0, all.data.tokens());
    assert_eq!(rows.counted_targets() as u64, mask);
    let seq = all.longest() as usize - 1;
    let loader = Loader::new(&all, Packing::Bestfit, seq, 3).unwrap();
    let packed = loader.packed();
    assert!(packed.truncated_documents > 0);
    assert_eq!(packed.documents, 40);
    assert_eq!(packed.pieces + packed.truncated_documents, 40);
    let short = PairStream::new(files::open(dir.path(), Split::Train).unwrap(), 6);
    assert!(short.left_out > 0 && short.pairs() > 0);
    assert_eq!(short.left_out + short.pairs(), 40);
}

#[test]
fn gradients_agree_with_finite_differences() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), [6, 0]);
    let all = stream(dir.path(), Split::Train);
    let joints = Joints::new([&all].into_iter());
    let loader = Loader::new(&all, Packing::Bestfit, SEQ, 3).unwrap();
    let loader = loader.finished_by(Some(&joints));
    let data = loader.samples(0, loader.count() as usize);
    let sequences = 0..data.count();
    let b = Cpu::default();
    let scale = Scale {
        rows: 1.0 / data.counted_targets() as f32,
        z_loss: 0.0,
    };
    let lora = Lora {
        rank: 2,
        alpha: 4.0,
        dropout: 0.0,
        targets: Lora::all_targets(&config()).unwrap(),
    };
    for lora in [None, Some(lora)] {
        for formula in [Formula::Dpo, Formula::Ipo] {
            let objective = Objective::Preference(Preference {
                formula,
                beta: 0.7,
                label_smoothing: 0.0,
                length_normalised: formula == Formula::Ipo,
            });
            let mut model = Model::random(&b, config(), 1).unwrap();
            if let Some(lora) = &lora {
                let values = |spec: &crate::model::ParamSpec| {
                    let mut random = Random::new(spec.count() as u64);
                    Ok((0..spec.count()).map(|_| 0.3 * random.normal()).collect())
                };
                model.adapters =
                    Some(Adapters::from_values(&b, &config(), lora.clone(), values).unwrap());
            }
            let judge = Judge::new(&b, &model, &objective).unwrap().unwrap();
            if lora.is_none() {
                // Away from the reference, where all is zero.
                let moved = Model::random(&b, config(), 2).unwrap();
                model.weights = moved.weights;
            }
            let rope = model.config.rope_table(SEQ);
            let mut gradients = model.zeros(&b).unwrap();
            let part = (&data, sequences.clone(), scale);
            let (sum, _) = judge
                .gradients(
                    &b,
                    &mut model,
                    rope.as_ref(),
                    part,
                    6,
                    Keep::All,
                    &mut gradients,
                )
                .unwrap();
            assert_eq!(sum.pairs, 6);
            let extent = Extent {
                micro_batch: 2,
                tokens: None,
            };
            let measured = judge.measure(&b, &mut model, &loader, extent).unwrap();
            assert!((measured.loss - sum.loss).abs() < 1e-4 * sum.loss);
            // Along the gradient the mean loss rises by its norm.
            let norm: f64 = gradients.iter().map(|g| b.sum_squares(g).unwrap()).sum();
            let norm = norm.sqrt();
            let specs = model.trained_specs().to_vec();
            let mut at = |by: f64| {
                let before: Vec<Vec<f32>> = model
                    .trained()
                    .iter()
                    .map(|w| b.download(w).unwrap())
                    .collect();
                for (i, spec) in specs.iter().enumerate() {
                    let slope = b.download(&gradients[i]).unwrap();
                    let moved = before[i].iter().zip(slope);
                    let moved: Vec<f32> = moved
                        .map(|(w, g)| w + (by * f64::from(g) / norm) as f32)
                        .collect();
                    model.trained_mut()[i] = b.upload(spec.rows, spec.cols, &moved).unwrap();
                }
                let loss = judge.measure(&b, &mut model, &loader, extent).unwrap().loss / 6.0;
                for (i, spec) in specs.iter().enumerate() {
                    model.trained_mut()[i] = b.upload(spec.rows, spec.cols, &before[i]).unwrap();
                }
                loss
            };
            let slope = (at(1e-3) - at(-1e-3)) / 2e-3;
            assert!(
                (slope / norm - 1.0).abs() < 2e-2,
                "{objective:?}, {lora:?}: {slope} instead of {norm}"
            );
        }
    }
}

fn session(options: &Options, shards: &Path, out: &Path, stop: Option<u64>) -> Outcome<Cpu> {
    let mut watcher = StopAfter::steps(stop);
    session::session(&Material::pairs(shards), options, out, &mut watcher).unwrap()
}

#[test]
fn margins_grow_held_out_accuracy_rises_and_a_stop_changes_no_bit() {
    let shards = tempfile::tempdir().unwrap();
    write(shards.path(), [120, 30]);
    let lora = Lora {
        rank: 4,
        alpha: 8.0,
        dropout: 0.1,
        targets: Lora::all_targets(&config()).unwrap(),
    };
    for lora in [None, Some(lora)] {
        let options = Options {
            lora,
            eval_every: Some(12),
            ..preference_options(Formula::Dpo, 24)
        };
        let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let want = session(&options, shards.path(), whole.path(), None);
        let lines = metrics::read(whole.path()).unwrap();
        let (first, last) = (&lines[0], &lines[23]);
        assert!(
            (first.loss.unwrap() - 2.0_f64.ln()).abs() < 1e-6,
            "nothing moved yet"
        );
        assert_eq!(first.preference.unwrap().margin, 0.0);
        assert!(last.loss < first.loss);
        let [halfway, end] = [11, 23].map(|step: usize| lines[step].val_preference.unwrap());
        assert!(
            end.margin > halfway.margin && halfway.margin > 0.0,
            "{halfway:?} {end:?}"
        );
        assert!(end.chosen_reward > end.rejected_reward);
        let val = want.val_preference.unwrap();
        assert_eq!(val.pairs, 30);
        assert!(val.accuracy > 0.9, "{val:?}");
        assert!(
            val.chosen_likelier > val.reference_chosen_likelier + 0.2,
            "{val:?}"
        );

        session(&options, shards.path(), parts.path(), Some(7));
        std::fs::remove_dir_all(parts.path().join("checkpoints/step-000007")).unwrap();
        let got = session(&options, shards.path(), parts.path(), None);
        assert_eq!(timeless(parts.path()), timeless(whole.path()));
        assert_eq!(got.val_preference, want.val_preference);
        for (a, b) in got.model.trained().iter().zip(want.model.trained()) {
            assert_eq!(a[..], b[..]);
        }
        if options.lora.is_some() {
            let base = Model::random(&Cpu::default(), config(), options.seed).unwrap();
            for (a, b) in want.model.weights.iter().zip(&base.weights) {
                assert_eq!(a[..], b[..], "the base stays as it was");
            }
        }
    }
}

#[test]
fn a_step_of_micro_batches_is_the_step_of_all() {
    let shards = tempfile::tempdir().unwrap();
    write(shards.path(), [40, 0]);
    let all = stream(shards.path(), Split::Train);
    let joints = Joints::new([&all].into_iter());
    let b = Cpu::default();
    let norm = |micro_batch: usize, recompute: bool| {
        let options = Options {
            micro_batch,
            recompute,
            ..preference_options(Formula::Dpo, 1)
        };
        let loader = Loader::new(&all, Packing::Bestfit, SEQ, 3).unwrap();
        let data = loader.finished_by(Some(&joints)).samples(0, 5);
        let model = Model::random(&b, config(), 1).unwrap();
        let mut trainer = Trainer::new(&b, model, &options).unwrap();
        let step = trainer.gradients(1, &options, &data).unwrap();
        assert_eq!(step.judgement.unwrap().pairs, data.pieces.len() as u64 / 2);
        step.grad_norm
    };
    let whole = norm(5, false);
    assert!(whole > 0.0);
    for (micro_batch, recompute) in [(2, false), (1, true)] {
        let got = norm(micro_batch, recompute);
        assert!((got / whole - 1.0).abs() < 1e-5, "{got} instead of {whole}");
    }
}

#[test]
fn shards_without_pairs_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), [2, 0]);
    let path = dir.path().join("manifest.json");
    let mut manifest: ShardManifest =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    manifest.pairs.clear();
    crate::atomic::write_json(&path, &manifest).unwrap();
    let error = |split| {
        let error = files::open(dir.path(), split).err().unwrap();
        format!("{error:#}")
    };
    assert!(error(Split::Train).contains("shard their corpus again"));
    assert!(Dataset::open(&files::dir(dir.path()), Split::Train).is_ok());
}
