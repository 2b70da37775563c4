//! The data folder: its lock, its layout and who may enter what.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use nix::unistd::geteuid;

use super::account::{Account, name_of};
use super::error::EmbeddedError;

/// The port in the name of the socket file; nothing listens on the network.
pub(super) const PORT: u16 = 5432;

/// The longest path of a Unix socket, in bytes.
const SOCKET_PATH_MAX: usize = 107;
/// Where a short socket folder goes. Fixed, so that the next start finds the same one.
const SHORT_PARENT: &str = "/tmp";

/// The lock on a data folder. It is let go by name when it is dropped: closing the file would not do while a process that
/// is just being started still holds a copy of it.
#[derive(Debug)]
pub(super) struct FolderLock(File);

/// The line in the lock file of a service that serves: others may attach to its server.
const SERVING: &str = "serving";

impl FolderLock {
    /// Says in the lock file that others may attach to the server.
    pub(super) fn serving(&self) {
        // A full disk is no reason not to serve: others then say that the folder is in use.
        if let Err(error) = writeln!(&self.0, "{SERVING}") {
            tracing::warn!(%error, "the lock file does not say that others may attach");
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock on the data folder was not let go");
        }
    }
}

/// A data folder that this process has locked.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
}

impl DataFolder {
    /// Makes the folder if absent, and locks it for as long as the returned lock lives.
    ///
    /// # Errors
    ///
    /// When it is in use, is not ours, or cannot be made.
    pub(super) fn claim(path: &Path) -> Result<(Self, FolderLock), EmbeddedError> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(EmbeddedError::io("make", parent))?;
        }
        make_private(path)?;
        let path = path.canonicalize().map_err(EmbeddedError::io("find", path))?;
        require_ours(&path)?;
        let lock = lock(&path)?;
        Ok((Self { path }, FolderLock(lock)))
    }

    /// A folder that another process has locked, by its absolute path.
    pub(super) fn held(path: PathBuf) -> Self {
        Self { path }
    }

    /// Lets the server's account pass through the folder on the way to what it owns inside.
    ///
    /// # Errors
    ///
    /// When a folder above this one is closed to the account.
    pub(super) fn admit(&self, account: &Account) -> Result<(), EmbeddedError> {
        if account.dropped() {
            let path = &self.path;
            let mode = fs::metadata(path).map_err(EmbeddedError::io("inspect", path))?.mode();
            // Passing is not listing, and each thing inside has a mode of its own.
            set_mode(path, (mode & 0o7777) | 0o011)?;
        }
        match account.barred_at(&self.path) {
            None => Ok(()),
            Some(folder) => {
                Err(EmbeddedError::Closed { folder, data_dir: self.path.clone(), account: account.name().to_owned() })
            }
        }
    }

    /// The folder itself, absolute.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the cluster is.
    pub(super) fn cluster(&self) -> PathBuf {
        self.path.join("cluster")
    }

    /// Where a cluster is made before it takes its place.
    pub(super) fn new_cluster(&self) -> PathBuf {
        self.path.join("cluster.new")
    }

    /// Where obtained programs are kept, one folder a version.
    pub(super) fn programs(&self) -> PathBuf {
        self.path.join("postgres")
    }

    /// The folder of the server's socket: `run`, or a short one where that path is too long.
    ///
    /// # Errors
    ///
    /// When it cannot be made or somebody else owns it.
    pub(super) fn socket_folder(&self, account: &Account) -> Result<PathBuf, EmbeddedError> {
        let run = self.path.join("run");
        if fits_a_socket(&run) {
            make_owned(&run, account)?;
            return Ok(run);
        }
        let short = self.short_folder(account);
        make_owned_in_public(&short, account)?;
        Ok(short)
    }

    /// The folder of the socket of a running server.
    ///
    /// # Errors
    ///
    /// When it is a short one that does not belong to the account alone: another account could listen there.
    pub(super) fn used_socket_folder(&self, account: &Account) -> Result<PathBuf, EmbeddedError> {
        let run = self.path.join("run");
        if fits_a_socket(&run) {
            return Ok(run);
        }
        let short = self.short_folder(account);
        let at = fs::symlink_metadata(&short).map_err(EmbeddedError::io("inspect", &short))?;
        if !closed_to_others(&at, account) {
            return Err(not_closed(&short, account));
        }
        Ok(short)
    }

    /// Where the server writes its log.
    pub(super) fn server_log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// Makes what was just renamed in this folder survive a loss of power.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written out.
    pub(super) fn sync(&self) -> Result<(), EmbeddedError> {
        let path = &self.path;
        File::open(path).and_then(|folder| folder.sync_all()).map_err(EmbeddedError::io("write out", path))
    }

    fn short_folder(&self, account: &Account) -> PathBuf {
        let hash = digest(&SHA256, self.path.as_os_str().as_bytes());
        let name = HEXLOWER.encode(&hash.as_ref()[..8]);
        Path::new(SHORT_PARENT).join(format!("sarcoscreen-{}-{name}", account.uid()))
    }
}

/// Makes a folder of the data folder, or takes it over, as one that only `account` may enter.
///
/// Only the data folder's owner can put something there, so what is there is ours: made for the
/// account of an earlier start, perhaps, before `postgres` was added to the machine.
///
/// # Errors
///
/// When it cannot be made or its owner or mode cannot be changed.
pub(super) fn make_owned(path: &Path, account: &Account) -> Result<(), EmbeddedError> {
    make_private(path)?;
    account.own_path(path)?;
    set_mode(path, 0o700)
}

/// Opens a file of mode 0600 for appending, making it if absent.
///
/// # Errors
///
/// When it cannot be opened.
pub(super) fn open_private(path: &Path) -> Result<File, EmbeddedError> {
    OpenOptions::new()
        .append(true)
        .read(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(EmbeddedError::io("open", path))
}

/// Sets the mode of `path`.
///
/// # Errors
///
/// When the file system refuses.
pub(super) fn set_mode(path: &Path, mode: u32) -> Result<(), EmbeddedError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(EmbeddedError::io("change the mode of", path))
}

/// Removes a folder and all in it; an absent one is fine.
///
/// # Errors
///
/// When something in it cannot be removed.
pub(super) fn remove(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(EmbeddedError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes a folder of mode 0700 and says whether it did; one that is there is left alone.
fn make_private(path: &Path) -> Result<bool, EmbeddedError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(EmbeddedError::io("make", path)(error)),
    }
}

/// Like [`make_owned`], in a parent where anybody may have put something of that name.
fn make_owned_in_public(path: &Path, account: &Account) -> Result<(), EmbeddedError> {
    if make_private(path)? {
        return account.own_path(path);
    }
    // Not following a link: it would be somebody else's.
    let at = fs::symlink_metadata(path).map_err(EmbeddedError::io("inspect", path))?;
    // A start that was killed before it gave the folder away left it with us.
    if at.is_dir() && at.uid() == geteuid().as_raw() {
        return make_owned(path, account);
    }
    if closed_to_others(&at, account) {
        return Ok(());
    }
    Err(not_closed(path, account))
}

fn closed_to_others(at: &Metadata, account: &Account) -> bool {
    at.is_dir() && at.uid() == account.uid() && at.mode() & 0o777 == 0o700
}

fn not_closed(path: &Path, account: &Account) -> EmbeddedError {
    unfit(path, format!("should be a folder of {} with mode 0700; remove it", account.name()))
}

/// A folder of another account, or a shared one such as `/tmp`, must not become a data folder:
/// others could swap what we make in it.
fn require_ours(path: &Path) -> Result<(), EmbeddedError> {
    let at = fs::metadata(path).map_err(EmbeddedError::io("inspect", path))?;
    if !at.is_dir() {
        return Err(unfit(path, "is not a folder; choose one with SARCOSCREEN_DATA_DIR"));
    }
    if at.uid() != geteuid().as_raw() {
        let owner = name_of(at.uid());
        return Err(unfit(
            path,
            format!(
                "belongs to the account {owner}; start as that account, or choose another folder \
             with SARCOSCREEN_DATA_DIR"
            ),
        ));
    }
    if at.mode() & 0o022 != 0 {
        return Err(unfit(
            path,
            "can be written by other accounts; close it with `chmod go-w`, or \
             choose another folder with SARCOSCREEN_DATA_DIR",
        ));
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File, EmbeddedError> {
    let path = folder.join("lock");
    let mut file = open_private(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let (pid, serving) = holder(&mut file);
            return Err(EmbeddedError::InUse { folder: folder.to_owned(), pid, serving });
        }
        Err(TryLockError::Error(error)) => return Err(EmbeddedError::io("lock", &path)(error)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(EmbeddedError::io("write", &path))?;
    Ok(file)
}

/// The process id in the lock file, or `unknown`, and whether others may attach to its server.
fn holder(lock: &mut File) -> (String, bool) {
    let mut text = String::new();
    // A holder that is writing this moment is looked at again.
    if lock.read_to_string(&mut text).is_err() {
        text.clear();
    }
    let pid = text.lines().next().filter(|pid| !pid.is_empty()).unwrap_or("unknown");
    (pid.to_owned(), text.lines().any(|line| line == SERVING))
}

/// Whether a socket in `folder` can be named, both to the kernel and as UTF-8 to the driver.
fn fits_a_socket(folder: &Path) -> bool {
    let socket = folder.join(format!(".s.PGSQL.{PORT}"));
    socket.to_str().is_some_and(|socket| socket.len() <= SOCKET_PATH_MAX)
}

fn unfit(path: &Path, reason: impl Into<String>) -> EmbeddedError {
    EmbeddedError::Unfit { path: path.to_owned(), reason: reason.into() }
}
