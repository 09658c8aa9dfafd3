import colorsys
import io
from collections.abc import Callable

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import torch
from torch import Tensor

from passband.lab.data.corruptions import (
    CORRUPTIONS,
    GROUPS,
    OF_THE_BENCHMARK,
    SEVERITIES,
    corrupted,
    group_of,
    jpeg,
)
from passband.lab.data.corruptions.filters import disk, gaussian, streak
from passband.lab.data.corruptions.jpeg import compressed
from passband.lab.data.corruptions.weather import plasma

image_module = pytest.importorskip("PIL.Image")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 4, channels: int = 3, side: int = 32) -> Tensor:
    """Smooth images with all values from 0 to 1."""
    noise = torch.rand(count, channels, 4, 4, generator=generator())
    maps = torch.nn.functional.interpolate(noise, (side, side), mode="bicubic")
    low, high = maps.amin((1, 2, 3), keepdim=True), maps.amax((1, 2, 3), keepdim=True)
    return (maps - low) / (high - low)


def changed(name: str, maps: Tensor, severity: int, seed: int = 0) -> Tensor:
    return corrupted(name, maps, severity, generator(seed))


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(2, 1, 8, 8), (1, 3, 13, 20), (3, 2, 1, 5)])
def test_images_of_any_form_stay_images(name: str, shape: tuple[int, ...]) -> None:
    maps = torch.rand(shape, generator=generator())
    before = maps.clone()
    for severity in SEVERITIES:
        found = changed(name, maps, severity)
        assert found.shape == maps.shape
        assert found.dtype == maps.dtype
        assert 0 <= float(found.min()) <= float(found.max()) <= 1
        assert torch.equal(found, changed(name, maps, severity)), "the same random numbers"
    assert torch.equal(maps, before)


@pytest.mark.parametrize("name", sorted(set(CORRUPTIONS) - {"pixelate", "saturate", "fog"}))
def test_more_severe_is_further_from_the_image(name: str) -> None:
    maps = pictures(16)
    off = [float((changed(name, maps, severity) - maps).square().mean()) for severity in SEVERITIES]
    assert off == sorted(off)
    assert off[-1] > 1.5 * off[0] > 0


def test_global_random_numbers_take_no_part() -> None:
    state = torch.get_rng_state()
    for name in CORRUPTIONS:
        first = changed(name, pictures(2), 3)
        torch.manual_seed(5)
        assert torch.equal(first, changed(name, pictures(2), 3))
    torch.set_rng_state(state)


@pytest.mark.parametrize(
    ("name", "severity", "deviation"),
    [
        ("gaussian_noise", 1, lambda x: 0.08 + 0 * x),
        ("gaussian_noise", 2, lambda x: 0.12 + 0 * x),
        ("shot_noise", 2, lambda x: np.sqrt(x / 25)),
        ("speckle_noise", 1, lambda x: 0.15 * x),
    ],
)
def test_noise_has_the_deviation_of_its_formula(
    name: str, severity: int, deviation: Callable[[np.ndarray], np.ndarray]
) -> None:
    for value in (0.3, 0.5):
        found = changed(name, torch.full((1, 1, 400, 400), value), severity).numpy()
        assert found.mean() == pytest.approx(value, abs=2e-3)
        assert found.std() == pytest.approx(float(deviation(np.array(value))), rel=0.03)


def test_photons_are_counted() -> None:
    found = changed("shot_noise", torch.full((1, 1, 300, 300), 0.1), 3).numpy() * 12
    counts = np.bincount(found.round().astype(int).ravel(), minlength=8)[:8] / found.size
    np.testing.assert_allclose(found, found.round(), atol=1e-5)
    np.testing.assert_allclose(counts, scipy.stats.poisson(1.2).pmf(range(8)), atol=5e-3)


def test_impulses_are_black_and_white_alike() -> None:
    found = changed("impulse_noise", torch.full((1, 3, 300, 300), 0.4), 5)
    shares = [float((found == value).float().mean()) for value in (0.0, 0.4, 1.0)]
    assert shares == pytest.approx([0.135, 0.73, 0.135], abs=4e-3)


@pytest.mark.parametrize("sigma", [0.8, 1.3, 2.6])
def test_gaussian_blur_is_scipys(sigma: float) -> None:
    maps = pictures(1).double()
    wanted = scipy.ndimage.gaussian_filter(maps, (0, 0, sigma, sigma), mode="nearest", truncate=5)
    np.testing.assert_allclose(gaussian(maps, sigma), wanted, atol=0.01)


def point(side: int = 41) -> Tensor:
    maps = torch.zeros(1, 1, side, side, dtype=torch.float64)
    maps[..., side // 2, side // 2] = 1
    return maps


def spread(maps: Tensor) -> tuple[float, float, float]:
    """Sum, and variances down and across, of what a point became."""
    one = maps[0, 0].numpy()
    at = np.arange(len(one)) - len(one) // 2
    return one.sum(), (one.sum(1) * at**2).sum(), (one.sum(0) * at**2).sum()


@pytest.mark.parametrize("radius", [0.2, 0.9, 3.0, 7.5])
def test_a_point_out_of_focus_is_a_disk(radius: float) -> None:
    total, down, across = spread(disk(point(), radius))
    assert total == pytest.approx(1)
    assert down == pytest.approx(across)
    if radius > 1:  # r²/4 of the disk on each axis, and 1/6 of sharing points between pixels
        assert down == pytest.approx(radius**2 / 4 + 1 / 6, rel=0.03)
    else:  # shared with the next pixels alone
        assert 0 < down < radius


def test_a_point_in_motion_is_a_line() -> None:
    straight = streak(point(), 5, 100, torch.zeros(1, dtype=torch.float64))
    total, down, across = spread(straight)
    assert total == pytest.approx(1)
    assert down == pytest.approx(0, abs=1e-12)
    assert across == pytest.approx(5**2 / 3, rel=0.15)
    assert torch.equal(straight[..., 20, :15], torch.zeros_like(straight[..., 20, :15]))
    angle = torch.full((1,), np.pi / 4, dtype=torch.float64)
    slanted = streak(point(), 5, 100, angle)[0, 0]
    assert float(slanted.diag().sum()) > 2 * float(slanted.flip(0).diag().sum())


@pytest.mark.parametrize("name", [*GROUPS["blur"], "elastic_transform", "pixelate", "contrast"])
def test_an_image_of_one_colour_has_nothing_to_blur(name: str) -> None:
    maps = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(2, 3, 20, 20)
    torch.testing.assert_close(changed(name, maps, 5), maps)


@pytest.mark.parametrize("name", GROUPS["blur"])
def test_blurs_scale_with_the_image(name: str) -> None:
    def share(side: int) -> float:
        """What is left of a wave of eight periods."""
        wave = 0.5 + 0.5 * torch.cos(torch.arange(side) * 16 * torch.pi / side)
        found = changed(name, wave.expand(8, 1, side, side), 3).mean((0, 1, 2))
        return float(found[side // 4 : -side // 4].std() / wave.std())

    assert share(112) == pytest.approx(share(224), abs=0.03)
    assert share(224) < 0.99


def test_magnifications_leave_the_middle_in_place() -> None:
    maps = torch.zeros(1, 1, 21, 21)
    maps[..., 10, 10] = 1
    found = changed("zoom_blur", maps, 4)[0, 0]
    torch.testing.assert_close(found, found.T)
    torch.testing.assert_close(found, found.flip(0))
    assert int(found.argmax()) == 10 * 21 + 10


def test_elastic_moves_by_the_share_of_the_side() -> None:
    ramp = torch.arange(64.0).expand(20, 1, 64, 64) / 64
    moved = (changed("elastic_transform", ramp, 3) - ramp)[..., 8:-8] * 64
    assert float(moved.square().mean().sqrt()) == pytest.approx(0.025 * 64, rel=0.15)
    steps = moved.diff(dim=-1)
    assert float(steps.square().mean().sqrt()) < 0.4 * float(moved.square().mean().sqrt())


def test_fog_by_formula() -> None:
    clouds = plasma(3, 20, 1.7, generator())
    assert clouds.shape == (3, 32, 32)
    assert clouds.amin((1, 2)).tolist() == [0, 0, 0]
    assert clouds.amax((1, 2)).tolist() == [1, 1, 1]
    maps = torch.rand(3, 3, 16, 20, generator=generator(1))
    wanted = (maps + 2.5 * clouds[:, None, :16, :20]) / 3.5
    torch.testing.assert_close(changed("fog", maps, 3), wanted)


def test_clouds_without_detail_are_means_of_their_corners() -> None:
    # With noise that vanishes after the first step, the rest is interpolation on a ring.
    field = plasma(1, 8, 1e9, generator())[0].numpy()
    for row in range(0, 8, 2):
        for column in range(0, 8, 2):
            right, below = (column + 2) % 8, (row + 2) % 8
            corners = field[[row, row, below, below], [column, right, column, right]]
            middle = field[row + 1, column + 1]
            assert middle == pytest.approx(corners.mean(), abs=1e-5)
            upper = [field[row, column], field[row, right], middle, field[row - 1, column + 1]]
            assert field[row, column + 1] == pytest.approx(np.mean(upper), abs=1e-5)
            left = [field[row, column], field[below, column], middle, field[row + 1, column - 1]]
            assert field[row + 1, column] == pytest.approx(np.mean(left), abs=1e-5)


def test_clouds_of_less_detail_are_smoother() -> None:
    rough = [
        float(plasma(20, 32, decay, generator()).diff(dim=1).abs().mean()) for decay in (1.2, 2, 3)
    ]
    assert rough == sorted(rough, reverse=True)


def test_brightness_adds_to_the_value() -> None:
    maps = pictures(1, side=6)
    found = changed("brightness", maps, 3)
    for before, after in zip(maps[0].flatten(1).T, found[0].flatten(1).T, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*before.tolist())
        wanted = colorsys.hsv_to_rgb(hue, saturation, min(value + 0.3, 1))
        assert after.tolist() == pytest.approx(wanted, abs=1e-5)
    grey = torch.tensor([0.0, 0.4, 0.9]).view(1, 1, 1, 3)
    assert changed("brightness", grey, 3).flatten().tolist() == pytest.approx([0.3, 0.7, 1.0])


@pytest.mark.parametrize(("severity", "factor", "added"), [(1, 0.3, 0), (3, 2, 0), (4, 5, 0.1)])
def test_saturation_by_formula(severity: int, factor: float, added: float) -> None:
    maps = pictures(1, side=6) * 0.5 + 0.3
    found = changed("saturate", maps, severity)
    for before, after in zip(maps[0].flatten(1).T, found[0].flatten(1).T, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*before.tolist())
        wanted = colorsys.hsv_to_rgb(hue, min(saturation * factor + added, 1), value)
        assert after.tolist() == pytest.approx(wanted, abs=1e-5)
    grey = torch.rand(1, 1, 4, 4, generator=generator())
    torch.testing.assert_close(changed("saturate", grey, severity), grey)


def test_contrast_and_pixels_by_formula() -> None:
    maps = pictures(2, side=8)
    mean = maps.mean((2, 3), keepdim=True)
    torch.testing.assert_close(changed("contrast", maps, 4), mean + 0.1 * (maps - mean))
    blocks = maps.numpy().reshape(2, 3, 4, 2, 4, 2).mean((3, 5))
    wanted = np.kron(blocks, np.ones((2, 2)))
    np.testing.assert_allclose(changed("pixelate", maps, 2), wanted, atol=1e-6)


def test_snow_falls_on_all_channels_alike() -> None:
    black = changed("snow", torch.zeros(8, 3, 64, 64), 1)
    assert torch.equal(black[:, 0], black[:, 1])
    assert float(black.min()) == pytest.approx(0.1)  # the veil
    assert 0.02 < float((black > 0.3).float().mean()) < 0.2
    torch.testing.assert_close(changed("snow", torch.ones(1, 1, 8, 8), 5), torch.ones(1, 1, 8, 8))


@pytest.mark.parametrize("quality", [7, 25, 60, 95])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_pillows(quality: int, channels: int) -> None:
    bytes_ = (pictures(1, channels, 37)[0, :, :29] * 255).round().to(torch.uint8)
    pixels = bytes_.permute(1, 2, 0).numpy().squeeze()
    file = io.BytesIO()
    image_module.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0)
    wanted = np.asarray(image_module.open(file)).reshape(29, 37, channels)
    found = (compressed(bytes_[None] / 255, quality)[0].permute(1, 2, 0) * 255).clamp(0, 255)
    off = np.abs(found.numpy() - wanted)
    # The file rounds pixels and colours; a coefficient half way between two steps goes either way.
    assert np.median(off) < 0.7
    assert off.mean() < 1


@pytest.mark.parametrize("quality", [1, 7, 18, 50, 80, 100])
def test_jpegs_tables_are_pillows(quality: int) -> None:
    file = io.BytesIO()
    image_module.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    tables = image_module.open(file).quantization
    for number, table in enumerate((jpeg._LUMINANCE, jpeg._CHROMINANCE)):
        assert jpeg._scaled(table, quality).flatten().tolist() == list(tables[number])


def test_the_table_is_whole() -> None:
    assert len(OF_THE_BENCHMARK) == 14  # of fifteen: frost is photographs
    for name in CORRUPTIONS:
        assert [name in names for names in GROUPS.values()].count(True) == 1
    assert [group_of(name) for name in ("frost", "mist")] == ["weather", "other"]


@pytest.mark.parametrize(
    ("name", "shape", "severity", "told"),
    [
        ("frost", (1, 1, 8, 8), 1, "unknown corruption 'frost': there is gaussian_noise"),
        ("fog", (1, 1, 8, 8), 6, "at most 5; got 6"),
        ("fog", (1, 1, 8, 8), 0, "at least 1"),
        ("fog", (1, 1, 8), 1, r"images \(N, C, H, W\); got \(1, 1, 8\)"),
    ],
)
def test_a_wrong_argument_is_refused(
    name: str, shape: tuple[int, ...], severity: int, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        changed(name, torch.zeros(shape), severity)
