use std::os::unix::fs::PermissionsExt;

use wasmtime::component::Component;

use super::*;
use crate::wasm::Engine;

fn component(engine: &Engine) -> Component {
    Component::new(&engine.wasmtime, b"\0asm\x0d\0\x01\0").unwrap()
}

fn store(cache: &Cache, engine: &Engine, digest: &str) {
    let draft = cache.draft().unwrap();
    let code = component(engine).serialize().unwrap();
    (&draft.file).write_all(&code).unwrap();
    cache.keep(engine, digest, &draft).unwrap();
}

#[test]
fn what_nobody_uses_is_pruned() {
    let engine = Engine::new().unwrap();
    let folder = std::env::temp_dir().join(format!("wasgi-prune-{}", std::process::id()));
    let cache = Cache::at(&folder);
    let old = |digest: &str, days: u64| {
        store(&cache, &engine, digest);
        let file = fs::File::options()
            .append(true)
            .open(cache.code_path(&engine, digest));
        let then = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
        file.unwrap().set_modified(then).unwrap();
    };
    old("used", 29);
    assert!(cache.load(&engine, "used").is_some());
    old("unused", 31);
    fs::write(folder.join("somebody-elses"), "").unwrap();
    store(&cache, &engine, "new");
    assert!(!cache.code_path(&engine, "unused").exists());
    assert!(age(&cache.code_path(&engine, "used")).unwrap() < USE_NOTED);
    assert!(cache.code_path(&engine, "new").exists() && folder.join("somebody-elses").exists());
    fs::remove_dir_all(&folder).unwrap();
}

/// Code of `d` in a cache of its own, and what to do with it.
fn with_code(name: &str, test: impl FnOnce(&Cache, &Engine, &Path)) {
    in_folder(name, |cache| {
        let engine = Engine::for_instances(8).unwrap();
        assert!(cache.load(&engine, "d").is_none());
        store(cache, &engine, "d");
        assert!(cache.load(&engine, "d").is_some());
        test(cache, &engine, &cache.code_path(&engine, "d"));
    });
}

#[test]
fn damaged_code_is_not_loaded() {
    with_code("damaged", |cache, engine, path| {
        let whole = fs::read(path).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 50) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(path, &damaged).unwrap();
            assert!(cache.load(engine, "d").is_none(), "byte {at}");
        }
        fs::write(path, &whole).unwrap();
        assert!(cache.load(engine, "d").is_some());
    });
}

#[test]
fn code_that_was_cut_off_or_goes_on_is_not_loaded() {
    with_code("cut", |cache, engine, path| {
        let whole = fs::read(path).unwrap();
        let length = whole.len();
        for cut in [0, 10, 48, length - 49, length - 48, length - 1] {
            fs::write(path, &whole[..cut]).unwrap();
            assert!(cache.load(engine, "d").is_none(), "{cut} bytes");
        }
        fs::write(path, [&whole[..], b"\0"].concat()).unwrap();
        assert!(cache.load(engine, "d").is_none());
    });
}

#[test]
fn code_of_another_app_is_not_loaded() {
    with_code("swapped", |cache, engine, path| {
        fs::copy(path, cache.code_path(engine, "e")).unwrap();
        assert!(cache.load(engine, "e").is_none());
        assert!(cache.load(engine, "d").is_some());
    });
}

#[test]
fn code_for_another_engine_is_not_loaded() {
    with_code("stale", |cache, engine, path| {
        let tight = Engine::start_at(crate::wasm::engine::Places::Tight);
        let other = cache.code_path(&tight, "d");
        assert_ne!(path, other);
        fs::copy(path, other).unwrap();
        assert!(cache.load(&tight, "d").is_none());
        assert!(cache.load(engine, "d").is_some());
    });
}

/// As if the folder had been brought along from another machine, but for the key.
#[test]
fn what_another_host_has_made_is_not_used() {
    with_code("foreign", |cache, engine, path| {
        drop(cache.keep_folder("d", fill).unwrap());
        let theirs = fs::read(path).unwrap();
        fs::remove_file(cache.path().join("key")).unwrap();
        assert!(cache.load(engine, "d").is_none());
        store(cache, engine, "another");
        assert!(cache.load(engine, "d").is_none());
        // Made again, it is used, and the other's is still not.
        store(cache, engine, "d");
        assert!(cache.load(engine, "d").is_some());
        fs::write(path, theirs).unwrap();
        assert!(cache.load(engine, "d").is_none());

        assert!(cache.folder("d").is_none());
        drop(cache.keep_folder("d", fill).unwrap());
        assert!(cache.folder("d").is_some());
    });
}

#[test]
fn what_others_could_have_written_or_read_is_not_used() {
    with_code("private", |cache, engine, path| {
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(path, 0o666);
        assert!(cache.load(engine, "d").is_none());
        mode(path, 0o600);
        let key = cache.path().join("key");
        assert_eq!(fs::metadata(&key).unwrap().mode() & 0o777, 0o600);
        mode(&key, 0o640);
        assert!(cache.load(engine, "d").is_none());
        mode(&key, 0o600);
        assert!(cache.load(engine, "d").is_some() && cache.is_ours());
        mode(cache.path(), 0o777);
        assert!(!cache.is_ours());
        mode(cache.path(), 0o700);
    });
}

#[test]
fn a_key_that_was_cut_off_is_made_again() {
    with_code("key", |cache, engine, _| {
        let key = cache.path().join("key");
        fs::write(&key, [1; 31]).unwrap();
        assert!(cache.load(engine, "d").is_none());
        store(cache, engine, "d");
        assert!(cache.load(engine, "d").is_some());
        assert_eq!(fs::metadata(&key).unwrap().len(), 32);
    });
}

#[test]
fn of_many_keys_that_are_made_at_once_one_is_kept() {
    in_folder("race", |cache| {
        let mac = || {
            *cache
                .make_key()
                .unwrap()
                .mac("m", &[])
                .finalize()
                .as_bytes()
        };
        let macs: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(mac)).collect();
            threads.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(macs.iter().all(|one| *one == macs[0]));
        assert_eq!(names(cache), ["key"]);
    });
}

fn in_folder(name: &str, test: impl FnOnce(&Cache)) {
    let folder = std::env::temp_dir().join(format!("wasgi-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    test(&Cache::at(&folder));
    fs::remove_dir_all(&folder).unwrap();
}

fn names(cache: &Cache) -> Vec<String> {
    let entries = fs::read_dir(cache.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn fill(root: &Path) -> io::Result<()> {
    fs::create_dir(root.join("0"))?;
    fs::write(root.join("0/a"), "a")
}

#[test]
fn a_folder_is_kept_whole_or_not_at_all() {
    in_folder("folder", |cache| {
        assert!(cache.folder("d").is_none());
        let failed = cache.keep_folder("d", |root| {
            fill(root)?;
            Err(io::Error::other("in the middle"))
        });
        assert!(failed.is_err() && cache.folder("d").is_none());
        assert_eq!(names(cache), [""; 0]);

        let held = cache.keep_folder("d", fill).unwrap();
        assert_eq!(fs::read(held.root().join("0/a")).unwrap(), b"a");
        // The second of two that fill it at once takes the first's.
        let second = cache.keep_folder("d", fill).unwrap();
        assert_eq!(second.root(), held.root());
        assert_eq!(cache.folder("d").unwrap().root(), held.root());
        assert_eq!(names(cache), ["d.files", "key"]);

        // Not ours alone.
        let folder = cache.path().join("d.files");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(cache.folder("d").is_none());
    });
}

#[test]
fn a_folder_that_somebody_uses_is_not_pruned() {
    in_folder("held", |cache| {
        let held = cache.keep_folder("d", fill).unwrap();
        let lock = cache.path().join("d.files/lock");
        let file = File::options().append(true).open(lock).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(31 * 24 * 3600))
            .unwrap();
        cache.prune();
        assert!(held.root().join("0/a").exists());
        drop(held);
        cache.prune();
        assert_eq!(names(cache), ["key"]);
    });
}

#[test]
fn after_a_start_of_the_machine_a_folder_is_counted() {
    in_folder("boot", |cache| {
        let restart = || {
            let lock = cache.path().join("d.files/lock");
            folder::as_if_before_a_restart(&cache.key().unwrap(), "d", &lock);
        };
        drop(cache.keep_folder("d", fill).unwrap());
        restart();
        assert!(cache.folder("d").is_some());
        let file = cache.path().join("d.files/tree/0/a");
        fs::write(&file, "").unwrap();
        // It is not looked at again while the machine runs.
        assert!(cache.folder("d").is_some());
        restart();
        assert!(cache.folder("d").is_none() && !file.exists());
        drop(cache.keep_folder("d", fill).unwrap());
        fs::remove_dir_all(cache.path().join("d.files/tree")).unwrap();
        assert!(cache.folder("d").is_none());
        assert!(cache.keep_folder("d", fill).is_ok());
    });
}

#[test]
fn a_file_is_hashed_again_when_it_has_changed() {
    in_folder("note", |cache| {
        cache.make().unwrap();
        let path = cache.path().join("app.wasm");
        let identity = || Identity::of(&File::open(&path).unwrap()).unwrap();
        let digest = "0123456789abcdef".repeat(4);
        fs::write(&path, "one").unwrap();
        // As if it had been hashed within the clock tick of its last write.
        cache.note(&identity(), &digest);
        assert_eq!(cache.noted(&identity()), None);

        #[allow(clippy::disallowed_methods, reason = "a test's own thread")]
        std::thread::sleep(Duration::from_millis(60));
        let before = identity();
        cache.note(&before, &digest);
        assert_eq!(cache.noted(&identity()), Some(digest));
        assert!(before.still(&File::open(&path).unwrap()));

        // The same length, and a time of last write that was set back.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        assert_eq!(cache.noted(&identity()), None);
        assert!(!before.still(&file));
    });
}

#[test]
fn what_is_too_much_goes_and_what_was_used_last_stays() {
    in_folder("much", |cache| {
        let hours_ago = |path: &Path, hours: u64| {
            let file = File::options().append(true).open(path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600))
                .unwrap();
        };
        for (digest, hours) in [("a", 5), ("b", 3), ("c", 0)] {
            let code = cache.path().join(format!("{digest}-0.cwasm"));
            cache.write(&code, &[&[0; 1000]]).unwrap();
            hours_ago(&code, hours);
            drop(cache.keep_folder(digest, fill).unwrap());
            hours_ago(&cache.path().join(format!("{digest}.files/lock")), hours);
        }
        let left = || names(cache).join(" ").replace(" key", "");
        cache.prune_to(3003);
        assert_eq!(
            left(),
            "a-0.cwasm a.files b-0.cwasm b.files c-0.cwasm c.files"
        );
        cache.prune_to(2002);
        assert_eq!(left(), "b-0.cwasm b.files c-0.cwasm c.files");
        // Used within the hour.
        cache.prune_to(0);
        assert_eq!(left(), "c-0.cwasm c.files");
    });
}
