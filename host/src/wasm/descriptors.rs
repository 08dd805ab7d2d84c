//! What an instance has open, and what it must not leave behind: ours around a few functions of `wasi:filesystem`.
//!
//! `app.rs` links it over wasmtime-wasi's own. A guest's handles are bounded anyhow (`store.rs`), but each open file is a
//! descriptor of this process, which all instances share, and each folder that is being listed lies in memory whole.
//! A guest at its bound gets the error that a disk quota gives, and lives on.
//!
//! WASI has no file locks, so SQLite locks a database by making a folder `NAME.lock` beside it. An instance that traps in
//! a transaction would lock its database for ever: the lock folders that it has made go when it ends.

use std::fs::File;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use wasmtime::component::{Accessor, Linker, Resource, ResourceTable, ResourceType};
use wasmtime_wasi::filesystem::{
    Descriptor, Dir, WasiFilesystem, WasiFilesystemCtx, WasiFilesystemCtxView, WasiFilesystemView,
};
use wasmtime_wasi::p2::bindings::filesystem::types as p2;
use wasmtime_wasi::p3::bindings::filesystem::types as p3;

use super::link::Link;
use super::store::Data;

/// Files and folders that one instance has open. What a process may have in an ordinary shell of macOS.
const OPEN_MAX: usize = 256;

/// Folders that one instance is listing. A listing is held in memory until its end is read.
const LISTINGS_MAX: usize = 16;

/// The functions that we stand in front of. A test opens more files than are allowed, so that a new version of the
/// interface does not slip through.
const P2: &str = "wasi:filesystem/types@0.2.12";
/// See [`P2`].
const P3: &str = "wasi:filesystem/types@0.3.0";
/// How the folder that is a lock is called.
pub(super) const LOCK_ENDING: &str = ".lock";

/// Locks that one instance holds; further ones are its own affair.
const LOCKS_MAX: usize = 64;

const OPEN_AT: &str = "[method]descriptor.open-at";

/// What one instance has open.
#[derive(Default)]
pub(super) struct Opened {
    files: Vec<Weak<File>>,
    listings: usize,
    locks: Arc<Locks>,
}

/// Lock folders that an instance has made, and not removed. They outlive its store.
#[derive(Default)]
pub(super) struct Locks {
    /// In which folder, and their path there.
    held: Mutex<Vec<(Dir, String)>>,
}

impl Opened {
    fn has_room(&mut self) -> bool {
        if self.files.len() >= OPEN_MAX {
            self.files.retain(|file| file.strong_count() > 0);
        }
        self.files.len() < OPEN_MAX
    }

    /// What to release when the instance has ended.
    pub(super) fn locks(&self) -> Arc<Locks> {
        self.locks.clone()
    }

    fn add(&mut self, opened: &Descriptor) {
        self.files.push(match opened {
            Descriptor::File(file) => std::sync::Arc::downgrade(&file.file),
            Descriptor::Dir(dir) => std::sync::Arc::downgrade(&dir.dir),
        });
    }
}

type Opening<P, O, D> = (Resource<Descriptor>, P, String, O, D);
type OpenedP2 = Result<Resource<Descriptor>, p2::ErrorCode>;
type OpenedP3 = Result<Resource<Descriptor>, p3::ErrorCode>;

/// Replaces what opens files and lists folders. WASI has to be in the linker already.
pub(super) fn add_to_linker(linker: &mut Linker<Data>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(P2)?;
    types.func_wrap_async(OPEN_AT, |mut store, opening| {
        Box::new(async move { Ok((open_p2(store.data_mut(), opening).await?,)) })
    })?;
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut store, (folder,): (Resource<Descriptor>,)| {
            Box::new(async move { Ok((list_p2(store.data_mut(), folder).await?,)) })
        },
    )?;
    types.func_wrap_async(
        "[method]descriptor.create-directory-at",
        |mut store, (folder, path): (Resource<Descriptor>, String)| {
            Box::new(async move { Ok((make_p2(store.data_mut(), folder, path).await?,)) })
        },
    )?;
    types.func_wrap_async(
        "[method]descriptor.remove-directory-at",
        |mut store, (folder, path): (Resource<Descriptor>, String)| {
            Box::new(async move { Ok((remove_p2(store.data_mut(), folder, path).await?,)) })
        },
    )?;
    types.resource(
        "directory-entry-stream",
        ResourceType::host::<p2::DirectoryEntryStream>(),
        |mut store, listing| {
            let data = store.data_mut();
            data.opened.listings = data.opened.listings.saturating_sub(1);
            p2::HostDirectoryEntryStream::drop(&mut data.filesystem(), Resource::new_own(listing))
        },
    )?;
    linker
        .instance(P3)?
        .func_wrap_concurrent(OPEN_AT, |store, opening| open_p3(store, opening))?;
    linker.allow_shadowing(false);
    Ok(())
}

async fn open_p2(
    data: &mut Data,
    (folder, follow, path, open, flags): Opening<p2::PathFlags, p2::OpenFlags, p2::DescriptorFlags>,
) -> wasmtime::Result<OpenedP2> {
    if !data.opened.has_room() {
        return Ok(Err(p2::ErrorCode::Quota));
    }
    let mut files = data.filesystem();
    match p2::HostDescriptor::open_at(&mut files, folder, follow, path, open, flags).await {
        Ok(opened) => {
            data.opened.add(data.table.get(&opened)?);
            Ok(Ok(opened))
        }
        Err(error) => error.downcast().map(Err),
    }
}

async fn list_p2(
    data: &mut Data,
    folder: Resource<Descriptor>,
) -> wasmtime::Result<Result<Resource<p2::DirectoryEntryStream>, p2::ErrorCode>> {
    if data.opened.listings >= LISTINGS_MAX {
        return Ok(Err(p2::ErrorCode::Quota));
    }
    match p2::HostDescriptor::read_directory(&mut data.filesystem(), folder).await {
        Ok(listing) => {
            data.opened.listings += 1;
            Ok(Ok(listing))
        }
        Err(error) => error.downcast().map(Err),
    }
}

async fn make_p2(
    data: &mut Data,
    folder: Resource<Descriptor>,
    path: String,
) -> wasmtime::Result<Result<(), p2::ErrorCode>> {
    let within = match data.table.get(&folder)? {
        Descriptor::Dir(within) if path.ends_with(LOCK_ENDING) => Some(within.clone()),
        _ => None,
    };
    let mut files = data.filesystem();
    match p2::HostDescriptor::create_directory_at(&mut files, folder, path.clone()).await {
        Ok(()) => {
            if let Some(within) = within {
                data.opened.locks.add(within, path);
            }
            Ok(Ok(()))
        }
        Err(error) => error.downcast().map(Err),
    }
}

async fn remove_p2(
    data: &mut Data,
    folder: Resource<Descriptor>,
    path: String,
) -> wasmtime::Result<Result<(), p2::ErrorCode>> {
    let mut files = data.filesystem();
    match p2::HostDescriptor::remove_directory_at(&mut files, folder, path.clone()).await {
        Ok(()) => {
            data.opened.locks.remove(&path);
            Ok(Ok(()))
        }
        Err(error) => error.downcast().map(Err),
    }
}

impl Locks {
    fn add(&self, within: Dir, path: String) {
        let mut held = self.held();
        if held.len() < LOCKS_MAX {
            held.push((within, path));
        }
    }

    fn remove(&self, path: &str) {
        let mut held = self.held();
        if let Some(at) = held.iter().position(|(_, lock)| lock == path) {
            held.swap_remove(at);
        }
    }

    /// The instance has ended: releases the locks that it holds. Only empty folders go, by the same rules as for the
    /// guest.
    pub(super) async fn release(&self, link: &Link) {
        let held = std::mem::take(&mut *self.held());
        let (mut ctx, mut table) = (WasiFilesystemCtx::default(), ResourceTable::new());
        for (within, path) in held {
            let Ok(folder) = table.push(Descriptor::Dir(within)) else {
                return;
            };
            tracing::warn!(
                app = &*link.app,
                instance = link.number,
                "the lock {path:?} was held when the instance ended: released"
            );
            // If it is not there any more, or not empty, it is no lock of SQLite's.
            let mut files = WasiFilesystemCtxView {
                ctx: &mut ctx,
                table: &mut table,
            };
            let _ = p2::HostDescriptor::remove_directory_at(&mut files, folder, path).await;
        }
    }

    fn held(&self) -> MutexGuard<'_, Vec<(Dir, String)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Returned<'a, T> = Pin<Box<dyn Future<Output = wasmtime::Result<T>> + Send + 'a>>;

fn open_p3(
    store: &Accessor<Data>,
    (folder, follow, path, open, flags): Opening<p3::PathFlags, p3::OpenFlags, p3::DescriptorFlags>,
) -> Returned<'_, (OpenedP3,)> {
    Box::pin(async move {
        if !store.with(|mut access| access.get().opened.has_room()) {
            // Several that open at once may go beyond the bound by as many as they are: they hold handles, too.
            return Ok((Err(p3::ErrorCode::Quota),));
        }
        let files = store.with_getter::<WasiFilesystem>(Data::filesystem);
        let opened = <WasiFilesystem as p3::HostDescriptorWithStore<Data>>::open_at(
            &files, folder, follow, path, open, flags,
        );
        match opened.await {
            Ok(opened) => store.with(|mut access| {
                let data = access.get();
                data.opened.add(data.table.get(&opened)?);
                Ok((Ok(opened),))
            }),
            Err(error) => Ok((Err(error.downcast()?),)),
        }
    })
}
