"""Networks of MONAI: images, series and volumes, classified, segmented and made."""

from __future__ import annotations

from architecture import Architecture, Architectures, Build, noise

NETS = "monai.networks.nets"
CUBE = (2, 1, 16, 16, 16)


def _of(task: str, shape: tuple[int, ...], build: Build) -> Architecture:
    return Architecture(task, NETS, build, (noise(*shape),))


MONAI: Architectures = {
    "DenseNet, 1-D": _of(
        "series", (4, 2, 64),
        lambda n: n.DenseNet(1, 2, 3, init_features=8, growth_rate=4, block_config=(2, 2)),
    ),
    "DenseNet, 3-D": _of(
        "volumes", (2, 1, 32, 32, 32),
        lambda n: n.DenseNet(3, 1, 3, init_features=8, growth_rate=4, block_config=(2, 2)),
    ),
    "ResNet, 1-D": _of(
        "series", (4, 2, 64),
        lambda n: n.ResNet("bottleneck", [1, 1, 1, 1], [4, 4, 8, 8], 1, 2, num_classes=3),
    ),
    "ResNet, 3-D": _of(
        "volumes", CUBE,
        lambda n: n.ResNet("basic", [1, 1, 1, 1], [4, 8, 8, 16], 3, 1, num_classes=3),
    ),
    "EfficientNet": _of(
        "images", (2, 3, 32, 32),
        lambda n: n.EfficientNet(
            ["r1_k3_s11_e1_i32_o16_se0.25", "r1_k5_s22_e6_i16_o24_se0.25"], 2, 3, 3,
            width_coefficient=0.25, dropout_rate=0.0, image_size=32, drop_connect_rate=0.0,
        ),
    ),
    "UNet, 2-D": _of(
        "segmentation", (2, 1, 32, 32),
        lambda n: n.UNet(2, 1, 2, (4, 8, 16), (2, 2), num_res_units=2),
    ),
    "UNet, 3-D": _of(
        "segmentation", CUBE, lambda n: n.UNet(3, 1, 2, (4, 8, 16), (2, 2), num_res_units=1)
    ),
    "BasicUNet, 1-D": _of(
        "segmentation", (2, 1, 64), lambda n: n.BasicUNet(1, 1, 2, (4, 4, 8, 8, 16, 4))
    ),
    "BasicUNet++": _of(
        "segmentation", (2, 1, 32, 32), lambda n: n.BasicUNetPlusPlus(2, 1, 2, (4, 4, 8, 8, 8, 4))
    ),
    "AttentionUnet": _of(
        "segmentation", (2, 1, 32, 32), lambda n: n.AttentionUnet(2, 1, 2, (4, 8, 16), (2, 2))
    ),
    "DynUNet": _of(
        "segmentation", (2, 1, 32, 32),
        lambda n: n.DynUNet(
            2, 1, 2, (3, 3, 3), (1, 2, 2), (2, 2), filters=(4, 8, 16), deep_supervision=True,
            deep_supr_num=1, res_block=True,
        ),
    ),
    "SegResNet": _of(
        "segmentation", CUBE,
        lambda n: n.SegResNet(3, 8, 1, 2, blocks_down=(1, 1, 1), blocks_up=(1, 1)),
    ),
    "SegResNetVAE": _of(
        "segmentation", CUBE,
        lambda n: n.SegResNetVAE(
            (16, 16, 16), vae_nz=8, in_channels=1, blocks_down=(1, 1), blocks_up=(1,)
        ),
    ),
    "VNet": _of(
        "segmentation", (2, 1, 32, 32),
        lambda n: n.VNet(2, 1, 2, dropout_prob_down=0.0, dropout_prob_up=(0.0, 0.0)),
    ),
    "HighResNet": _of(
        "segmentation", CUBE,
        lambda n: n.HighResNet(
            3, 1, 2,
            layer_params=(
                {"name": "conv_0", "n_features": 4, "kernel_size": 3},
                {"name": "res_1", "n_features": 4, "kernels": (3, 3), "repeat": 1},
                {"name": "res_2", "n_features": 8, "kernels": (3, 3), "repeat": 1},
                {"name": "conv_1", "n_features": 8, "kernel_size": 1},
                {"name": "conv_2", "kernel_size": 1},
            ),
        ),
    ),
    "RegUNet": _of(
        "registration", (2, 1, 32, 32), lambda n: n.RegUNet(2, 1, 4, 2, out_channels=2)
    ),
    "VoxelMorph": _of(
        "registration", (2, 2, 16, 16),
        lambda n: n.VoxelMorphUNet(2, 2, 2, (4, 4, 4, 4, 4, 4), (4, 4)),
    ),
    "MedNeXt": _of(
        "segmentation", (1, 1, 32, 32),
        lambda n: n.MedNeXt(
            2, 4, 1, 2, encoder_expansion_ratio=2, decoder_expansion_ratio=2,
            bottleneck_expansion_ratio=2,
            blocks_down=(1, 1, 1, 1), blocks_bottleneck=1, blocks_up=(1, 1, 1, 1),
        ),
    ),
    "AutoEncoder": _of(
        "generative", (2, 1, 32, 32), lambda n: n.AutoEncoder(2, 1, 1, (4, 8), (2, 2))
    ),
    "VQVAE": _of(
        "generative", (2, 1, 32, 32),
        lambda n: n.VQVAE(
            2, 1, 1, channels=(8, 8), num_res_layers=1, num_res_channels=(8, 8), num_embeddings=16,
            embedding_dim=8, downsample_parameters=((2, 4, 1, 1),) * 2,
            upsample_parameters=((2, 4, 1, 1, 0),) * 2,
        ),
    ),
    "PatchDiscriminator": _of(
        "generative", (2, 1, 64, 64), lambda n: n.PatchDiscriminator(2, 4, 1, num_layers_d=2)
    ),
}  # fmt: skip
