//! Blobs, trees and the append-only log of what was deployed.
