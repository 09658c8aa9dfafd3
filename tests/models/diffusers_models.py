"""Networks of Diffusers."""

from __future__ import annotations

from typing import Any

import torch
from architecture import Architecture, Architectures, noise

PACKAGE = "diffusers"
TIME = torch.tensor([3, 50])


def _of(
    task: str, shape: tuple[int, ...], model: str, *others: torch.Tensor, **options: Any
) -> Architecture:
    return Architecture(
        task,
        PACKAGE,
        lambda package: getattr(package, model)(**options),
        (noise(*shape), *others),
    )


DIFFUSERS: Architectures = {
    "UNet1DModel": _of(
        "generative", (2, 2, 64), "UNet1DModel", TIME, sample_size=64,
        extra_in_channels=64, block_out_channels=(32, 32, 32),
    ),
    "UNet2DModel": _of(
        "generative", (2, 3, 16, 16), "UNet2DModel", TIME, sample_size=16,
        block_out_channels=(8, 16), down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"), layers_per_block=1, norm_num_groups=4,
        attention_head_dim=4,
    ),
    "UNet2DConditionModel": _of(
        "generative", (2, 4, 16, 16), "UNet2DConditionModel", TIME, torch.ones(2, 3, 8),
        sample_size=16, block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), layers_per_block=1, norm_num_groups=4,
        attention_head_dim=4, cross_attention_dim=8,
    ),
    "UNet3DConditionModel": _of(
        "generative", (1, 4, 2, 8, 8), "UNet3DConditionModel", TIME[:1], torch.ones(1, 3, 8),
        sample_size=8, block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"), layers_per_block=1, norm_num_groups=4,
        attention_head_dim=4, cross_attention_dim=8,
    ),
    "AutoencoderKL": _of(
        "generative", (2, 3, 32, 32), "AutoencoderKL", block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4, sample_size=32,
    ),
    "AutoencoderTiny": _of(
        "generative", (2, 3, 32, 32), "AutoencoderTiny", encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8), num_encoder_blocks=(1, 1), num_decoder_blocks=(1, 1),
    ),
    "VQModel": _of(
        "generative", (2, 3, 32, 32), "VQModel", block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4, num_vq_embeddings=16,
    ),
    "AutoencoderOobleck": _of(
        "audio", (2, 2, 256), "AutoencoderOobleck", encoder_hidden_size=8,
        downsampling_ratios=[2, 4], channel_multiples=[1, 2], decoder_channels=8,
        decoder_input_channels=4,
    ),
}  # fmt: skip
