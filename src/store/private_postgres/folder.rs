//! The data folder: its lock, its layout and the modes of its files.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use nix::unistd::geteuid;

use super::account::{Account, name_of};
use super::error::{EmbeddedError, Result, if_present};

/// The port in the name of the socket file. The server does not listen on the network.
pub(super) const PORT: u16 = 5432;

/// The maximum length of a Unix socket path, in bytes.
const SOCKET_PATH_MAX: usize = 107;
/// Parent of the short socket folder. Fixed, so that the next start finds the same folder.
const SHORT_PARENT: &str = "/tmp";

/// The lock on a data folder. It is released explicitly on drop: closing the file is not enough while a child process that
/// is being started still holds a copy of the descriptor.
#[derive(Debug)]
pub(super) struct FolderLock(File);

/// The line in the lock file of a running service. Commands may then attach to its server.
const SERVING: &str = "serving";

impl FolderLock {
    /// Marks the lock file: commands may attach to the server.
    pub(super) fn serving(&self) {
        // A write error, such as a full disk, must not stop the service. Commands then report that the folder is in use.
        if let Err(error) = writeln!(&self.0, "{SERVING}") {
            tracing::warn!(%error, "the lock file was not marked; commands cannot attach to the server");
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock on the data folder was not released");
        }
    }
}

/// A data folder that this process, or the service that runs on it, has locked.
#[derive(Debug)]
pub(super) struct DataFolder {
    /// Absolute, without symbolic links.
    pub(super) path: PathBuf,
}

impl DataFolder {
    /// Creates the folder if absent, and locks it while the returned lock lives. Fails when the folder is in use, belongs
    /// to another account, or cannot be created.
    pub(super) fn claim(path: &Path) -> Result<(Self, FolderLock)> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(EmbeddedError::io("make", parent))?;
        }
        make_private(path)?;
        let path = path.canonicalize().map_err(EmbeddedError::io("find", path))?;
        require_ours(&path)?;
        let lock = FolderLock(lock(&path)?);
        Ok((Self { path }, lock))
    }

    /// Lets the server's account pass through the folder to its own files inside. Fails when the account cannot enter a
    /// parent folder.
    pub(super) fn admit(&self, account: &Account) -> Result<()> {
        if account.dropped {
            let path = &self.path;
            let mode = fs::metadata(path).map_err(EmbeddedError::io("inspect", path))?.mode();
            // Execute permission does not allow listing, and every file inside has its own mode.
            set_mode(path, (mode & 0o7777) | 0o011)?;
        }
        if let Some(folder) = account.barred_at(&self.path) {
            return Err(EmbeddedError::Closed { folder, data_dir: self.path.clone(), account: account.name.clone() });
        }
        Ok(())
    }

    pub(super) fn cluster(&self) -> PathBuf {
        self.path.join("cluster")
    }

    /// Where downloaded programs are kept, one folder per version.
    pub(super) fn programs(&self) -> PathBuf {
        self.path.join("postgres")
    }

    /// The folder of the server's socket: `run`, or a short path if that one is too long.
    pub(super) fn socket_folder(&self, account: &Account) -> Result<PathBuf> {
        let run = self.path.join("run");
        if fits_a_socket(&run) {
            make_owned(&run, account)?;
            return Ok(run);
        }
        let short = self.short_folder(account);
        make_owned_in_public(&short, account)?;
        Ok(short)
    }

    /// The socket folder of a running server. Fails when the short folder is not private to the account: another account
    /// could listen there.
    pub(super) fn used_socket_folder(&self, account: &Account) -> Result<PathBuf> {
        let run = self.path.join("run");
        if fits_a_socket(&run) {
            return Ok(run);
        }
        let short = self.short_folder(account);
        let at = fs::symlink_metadata(&short).map_err(EmbeddedError::io("inspect", &short))?;
        require_closed(&short, &at, account)?;
        Ok(short)
    }

    pub(super) fn server_log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// Flushes the folder, so that a rename in it survives a power failure.
    pub(super) fn sync(&self) -> Result<()> {
        let path = &self.path;
        File::open(path).and_then(|folder| folder.sync_all()).map_err(EmbeddedError::io("write out", path))
    }

    fn short_folder(&self, account: &Account) -> PathBuf {
        let hash = digest(&SHA256, self.path.as_os_str().as_bytes());
        let name = HEXLOWER.encode(&hash.as_ref()[..8]);
        Path::new(SHORT_PARENT).join(format!("sarcoscreen-{}-{name}", account.uid))
    }
}

/// Creates a folder in the data folder, or takes it over, so that only `account` may enter it. Only the owner of the data
/// folder can create entries in it, so an existing folder belongs to the service. Its owner may be the account of an
/// earlier start, before `postgres` was added to the machine.
pub(super) fn make_owned(path: &Path, account: &Account) -> Result<()> {
    make_private(path)?;
    account.own_path(path)?;
    set_mode(path, 0o700)
}

/// Opens a file of mode 0600 for appending, and creates it if absent.
pub(super) fn open_private(path: &Path) -> Result<File> {
    OpenOptions::new()
        .append(true)
        .read(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(EmbeddedError::io("open", path))
}

pub(super) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(EmbeddedError::io("change the mode of", path))
}

/// Removes a folder with its contents. An absent folder is not an error.
pub(super) fn remove(path: &Path) -> Result<()> {
    if_present(fs::remove_dir_all(path)).map(drop).map_err(EmbeddedError::io("remove", path))
}

/// Creates a folder of mode 0700 and returns `true`. An existing folder is not changed.
fn make_private(path: &Path) -> Result<bool> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(EmbeddedError::io("make", path)(error)),
    }
}

/// Like [`make_owned`], in a parent folder where any account may have created an entry of that name.
fn make_owned_in_public(path: &Path, account: &Account) -> Result<()> {
    if make_private(path)? {
        return account.own_path(path);
    }
    // Does not follow a link, which may belong to another account.
    let at = fs::symlink_metadata(path).map_err(EmbeddedError::io("inspect", path))?;
    // A start that was interrupted before it changed the owner left the folder with this account.
    if at.is_dir() && at.uid() == geteuid().as_raw() {
        return make_owned(path, account);
    }
    require_closed(path, &at, account)
}

/// Refuses a folder that accounts other than `account` may enter.
fn require_closed(path: &Path, at: &Metadata, account: &Account) -> Result<()> {
    if at.is_dir() && at.uid() == account.uid && at.mode() & 0o777 == 0o700 {
        return Ok(());
    }
    Err(EmbeddedError::unfit(path, format!("should be a folder of {} with mode 0700; remove it", account.name)))
}

/// Refuses a folder of another account or a shared folder such as `/tmp`: others could replace files in it.
fn require_ours(path: &Path) -> Result<()> {
    let at = fs::metadata(path).map_err(EmbeddedError::io("inspect", path))?;
    if !at.is_dir() {
        return Err(EmbeddedError::unfit(path, "is not a folder; choose one with SARCOSCREEN_DATA_DIR"));
    }
    if at.uid() != geteuid().as_raw() {
        let owner = format!("belongs to the account {}; start as that account", name_of(at.uid()));
        return Err(EmbeddedError::unfit(path, format!("{owner}, or choose another folder with SARCOSCREEN_DATA_DIR")));
    }
    if at.mode() & 0o022 != 0 {
        let open = "can be written by other accounts; close it with `chmod go-w`";
        return Err(EmbeddedError::unfit(path, format!("{open}, or choose another folder with SARCOSCREEN_DATA_DIR")));
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File> {
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

/// The process id in the lock file, or `unknown`, and whether commands may attach to its server.
fn holder(lock: &mut File) -> (String, bool) {
    let mut text = String::new();
    // If the holder is writing right now, the caller tries again.
    if lock.read_to_string(&mut text).is_err() {
        text.clear();
    }
    let pid = text.lines().next().filter(|pid| !pid.is_empty()).unwrap_or("unknown");
    (pid.to_owned(), text.lines().any(|line| line == SERVING))
}

/// Whether a socket in `folder` has a valid path: short enough for the kernel, and UTF-8 for the driver.
fn fits_a_socket(folder: &Path) -> bool {
    let socket = folder.join(format!(".s.PGSQL.{PORT}"));
    socket.to_str().is_some_and(|socket| socket.len() <= SOCKET_PATH_MAX)
}
