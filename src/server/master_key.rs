//! The master key: read from its file, or created together with the private database.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::ServerError;
use super::private_file::{self, failed};
use crate::app::ambient::{Ambient, random};
use crate::store::database::keys::{Keys, MasterKey};

/// The name of the key file in the data folder.
const NAME: &str = "master.key";

/// Reads a key file, one key per line with the current key first, and derives all keys from it.
pub(super) fn read(path: &Path) -> Result<Keys, ServerError> {
    let mode = fs::metadata(path).map_err(failed("read", path))?.permissions().mode();
    // The group may read: secrets that containers mount often belong to a group.
    if mode & 0o007 != 0 {
        return Err(ServerError::OpenMasterKey { path: path.to_owned() });
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed("read", path))?);
    let unfit = |source| ServerError::MasterKey { path: path.to_owned(), source };
    Keys::derive(&MasterKey::parse_file(&text).map_err(unfit)?).map_err(unfit)
}

/// Reads the key of a data folder. If there is no cluster yet, a missing key is created, because no data depends on it.
pub(super) fn read_or_make(folder: &Path, cluster: bool, ambient: &dyn Ambient) -> Result<Keys, ServerError> {
    let path = folder.join(NAME);
    if fs::symlink_metadata(&path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        if cluster {
            return Err(ServerError::LostMasterKey { path });
        }
        let key = Zeroizing::new(random::<32>(ambient)?);
        private_file::write(&path, &format!("{}\n", *MasterKey::text(&key)))?;
    }
    read(&path)
}
