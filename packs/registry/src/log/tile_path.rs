//! Where a tile lies: `tile/<level>/<index>[.p/<width>]` of c2sp.org/tlog-tiles. (The `tlog_tiles`
//! crate knows the older layout with the height in it.)

use super::TILE_WIDTH;

/// The place of a tile: level, index within the level, width in hashes (1 to 256).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// 0: leaf hashes; each hash of level 1 and above stands for a full tile below.
    pub level: u8,
    /// Index within the level.
    pub index: u64,
    /// Hashes in it; 256 is a full tile.
    pub width: u32,
}

impl TilePath {
    /// Relative to the log's directory. The index is written in groups of three digits, all but the
    /// last with an `x`, so that no file is where another tile needs a directory.
    pub fn path(&self) -> String {
        let full = self.directory();
        if self.width == TILE_WIDTH { full } else { format!("{full}.p/{}", self.width) }
    }

    /// Reads what [`TilePath::path`] writes, nothing else.
    pub fn parse(path: &str) -> Option<Self> {
        let (place, width) = match path.split_once(".p/") {
            Some((place, width)) => (place, width.parse().ok()?),
            None => (path, TILE_WIDTH),
        };
        let (level, groups) = place.strip_prefix("tile/")?.split_once('/')?;
        let digits: String = groups.chars().filter(char::is_ascii_digit).collect();
        let tile = Self { level: level.parse().ok()?, index: digits.parse().ok()?, width };
        (tile.path() == path && (1..=TILE_WIDTH).contains(&width)).then_some(tile)
    }

    /// The directory of a place's partial tiles.
    pub fn partials(&self) -> String {
        format!("{}.p", self.directory())
    }

    fn directory(&self) -> String {
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        format!("tile/{}/{}", self.level, groups.join("/"))
    }

    /// The tiles of a tree of `size` entries, lowest level first: full ones and the last, partial one
    /// of each level.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        (0_u8..8)
            .map_while(move |level| Some((level, size >> (8 * u32::from(level)))).filter(|(_, hashes)| *hashes > 0))
            .flat_map(|(level, hashes)| {
                let width = u64::from(TILE_WIDTH);
                (0..hashes.div_ceil(width)).map(move |index| {
                    let left = (hashes - index * width).min(width);
                    Self { level, index, width: u32::try_from(left).unwrap_or(TILE_WIDTH) }
                })
            })
    }

    /// Is it full?
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of c2sp.org/tlog-tiles.
    #[test]
    fn paths_are_the_specifications() {
        for (level, index, width, path) in [
            (0, 1_234_067, 256, "tile/0/x001/x234/067"),
            (0, 0, 256, "tile/0/000"),
            (0, 999, 256, "tile/0/999"),
            (0, 1000, 256, "tile/0/x001/000"),
            (0, 273, 112, "tile/0/273.p/112"),
            (1, 1, 17, "tile/1/001.p/17"),
            (2, 0, 1, "tile/2/000.p/1"),
            (63, 1_000_000, 255, "tile/63/x001/x000/000.p/255"),
        ] {
            let tile = TilePath { level, index, width };
            assert_eq!(tile.path(), path);
            assert_eq!(TilePath::parse(path), Some(tile));
        }
        for wrong in
            ["tile/0/0", "tile/00/000", "tile/0/x000/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/"]
        {
            assert_eq!(TilePath::parse(wrong), None, "{wrong}");
        }
    }

    /// «A tree of size 70,000 will be represented by 273 full level 0 tiles, one partial level 0 tile
    /// of width 112, one full level 1 tile, one partial level 1 tile of width 17, and one partial
    /// level 2 tile of width 1. A tree of size 256 will be represented by a full level 0 tile and a
    /// partial level 1 tile of width 1.»
    #[test]
    fn the_tiles_of_a_tree_are_the_specifications() {
        let tiles: Vec<_> = TilePath::all(70_000).collect();
        let full = |level| tiles.iter().filter(|tile| tile.level == level && tile.is_full()).count();
        assert_eq!((full(0), full(1), full(2)), (273, 1, 0));
        let partial: Vec<_> = tiles.iter().filter(|tile| !tile.is_full()).map(TilePath::path).collect();
        assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);

        let small: Vec<_> = TilePath::all(256).map(|tile| tile.path()).collect();
        assert_eq!(small, ["tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(TilePath::all(0).count(), 0);
    }
}
