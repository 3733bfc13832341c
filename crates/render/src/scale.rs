//! Makes a picture fit a viewport: the mean of the pixels that fall on each new one.

use crate::Picture;

/// The picture within `viewport` (width, height), never enlarged, its proportions kept.
pub(crate) fn fit(picture: Picture, viewport: Option<(u32, u32)>) -> Picture {
    let Some((wide, high)) = viewport else { return picture };
    let (wide, high) = ((wide as usize).max(1), (high as usize).max(1));
    if picture.width <= wide && picture.height <= high {
        return picture;
    }
    // the tighter of the two sides decides
    let (width, height) = if picture.width * high >= picture.height * wide {
        (wide, (picture.height * wide).div_ceil(picture.width))
    } else {
        ((picture.width * high).div_ceil(picture.height), high)
    };
    shrink(&picture, width, height)
}

fn shrink(picture: &Picture, width: usize, height: usize) -> Picture {
    let samples = picture.samples;
    let mut pixels = Vec::with_capacity(width * height * samples);
    let columns: Vec<(usize, usize)> = (0..width).map(|x| span(x, width, picture.width)).collect();
    let mut sums = vec![0u32; picture.width * samples];
    for y in 0..height {
        let (top, bottom) = span(y, height, picture.height);
        sums.fill(0);
        for line in picture.pixels[top * picture.width * samples..bottom * picture.width * samples]
            .chunks_exact(picture.width * samples)
        {
            sums.iter_mut().zip(line).for_each(|(sum, &pixel)| *sum += u32::from(pixel));
        }
        for &(left, right) in &columns {
            let count = ((right - left) * (bottom - top)) as u64;
            for sample in 0..samples {
                let sum: u64 = (left..right).map(|x| u64::from(sums[x * samples + sample])).sum();
                pixels.push(((sum + count / 2) / count) as u8);
            }
        }
    }
    Picture { width, height, samples, pixels }
}

/// The pixels of `from` that fall on pixel `at` of `to`; at least one.
fn span(at: usize, to: usize, from: usize) -> (usize, usize) {
    let begin = at * from / to;
    (begin, ((at + 1) * from / to).max(begin + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(width: usize, height: usize, viewport: (u32, u32), expected: (usize, usize)) {
        let picture = Picture { width, height, samples: 1, pixels: vec![77; width * height] };
        let fitted = fit(picture, Some(viewport));
        assert_eq!((fitted.width, fitted.height), expected);
        assert_eq!(fitted.pixels, vec![77; expected.0 * expected.1]);
    }

    #[test]
    fn proportions_are_kept_and_nothing_is_enlarged() {
        check(512, 512, (128, 128), (128, 128));
        check(640, 480, (128, 128), (128, 96));
        check(480, 640, (128, 128), (96, 128));
        check(100, 3, (10, 10), (10, 1));
        check(64, 64, (128, 128), (64, 64));
        check(5, 5, (0, 0), (1, 1));
        check(3, 3, (2, 2), (2, 2));
    }

    #[test]
    fn a_new_pixel_is_the_mean_of_its_old_ones() {
        let picture = Picture { width: 4, height: 2, samples: 1, pixels: vec![0, 100, 200, 200, 50, 50, 200, 201] };
        assert_eq!(fit(picture, Some((2, 1))).pixels, [50, 200]);
    }
}
