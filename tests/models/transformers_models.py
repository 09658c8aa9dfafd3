"""Networks of Transformers, as its configurations describe them."""

from __future__ import annotations

from typing import Any

import torch
from architecture import Architecture, Architectures, noise

PACKAGE = "transformers"


def _of(task: str, shape: tuple[int, ...], model: str, config: str, **options: Any) -> Architecture:
    return Architecture(
        task,
        PACKAGE,
        lambda package: getattr(package, model)(getattr(package, config)(**options)),
        (noise(*shape),),
    )


IMAGE = (2, 3, 32, 32)
WAV: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
    "conv_dim": (8, 8, 8), "conv_kernel": (10, 3, 3), "conv_stride": (5, 2, 2),
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "layerdrop": 0.0,
    "apply_spec_augment": False,
}  # fmt: skip

TRANSFORMERS: Architectures = {
    "ResNet": _of(
        "images", IMAGE, "ResNetForImageClassification", "ResNetConfig", embedding_size=8,
        hidden_sizes=[16, 16, 32], depths=[1, 1, 1],
    ),
    "RegNet": _of(
        "images", IMAGE, "RegNetForImageClassification", "RegNetConfig", embedding_size=8,
        hidden_sizes=[8, 16], depths=[1, 1], groups_width=4,
    ),
    "ConvNeXt": _of(
        "images", IMAGE, "ConvNextForImageClassification", "ConvNextConfig",
        hidden_sizes=[8, 8, 16], depths=[1, 1, 1], num_stages=3,
    ),
    "ConvNeXt V2": _of(
        "images", IMAGE, "ConvNextV2ForImageClassification", "ConvNextV2Config",
        hidden_sizes=[8, 16], depths=[1, 1], num_stages=2,
    ),
    "MobileNetV1": _of(
        "images", IMAGE, "MobileNetV1ForImageClassification", "MobileNetV1Config",
        depth_multiplier=0.25, classifier_dropout_prob=0.0,
    ),
    "MobileNetV2": _of(
        "images", IMAGE, "MobileNetV2ForImageClassification", "MobileNetV2Config",
        depth_multiplier=0.25, classifier_dropout_prob=0.0,
    ),
    "Big Transfer": _of(
        "images", IMAGE, "BitForImageClassification", "BitConfig", embedding_size=8,
        hidden_sizes=[32, 64], depths=[1, 1], num_groups=4,
    ),
    "CvT": _of(
        "images", IMAGE, "CvtForImageClassification", "CvtConfig", embed_dim=[8, 8, 16],
        num_heads=[1, 1, 2], depth=[1, 2, 3], drop_path_rate=[0.0] * 3,
        cls_token=[False, False, True],
    ),
    "PVT v2": _of(
        "images", IMAGE, "PvtV2ForImageClassification", "PvtV2Config", hidden_sizes=[8, 8, 8, 16],
        depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 1, 2], sr_ratios=[2, 2, 1, 1],
    ),
    "ViT": _of(
        "images", IMAGE, "ViTForImageClassification", "ViTConfig", hidden_size=16, image_size=32,
        patch_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
    ),
    "EfficientNet": _of(
        "images", (2, 3, 64, 64), "EfficientNetForImageClassification", "EfficientNetConfig",
        width_coefficient=0.25, depth_coefficient=0.25, hidden_dim=320, dropout_rate=0.0,
        drop_connect_rate=0.0,
    ),
    "MobileViT": _of(
        "images", (2, 3, 64, 64), "MobileViTForImageClassification", "MobileViTConfig",
        image_size=64, hidden_sizes=[8, 8, 8], neck_hidden_sizes=[4, 4, 8, 8, 8, 8, 16],
        num_attention_heads=2, expand_ratio=2.0,
    ),
    "LeViT": _of(
        "images", (2, 3, 64, 64), "LevitForImageClassification", "LevitConfig", image_size=64,
        hidden_sizes=[16, 16, 16], num_attention_heads=[1, 1, 1], depths=[1, 1, 1],
        key_dim=[8, 8, 8],
    ),
    "TextNet": _of(
        "images", IMAGE, "TextNetForImageClassification", "TextNetConfig", stem_out_channels=8,
        hidden_sizes=[8, 8, 16], conv_layer_kernel_sizes=[[[3, 3]], [[3, 1], [1, 3]]],
        conv_layer_strides=[[2], [1, 2]],
    ),
    "SuperPoint": _of(
        "keypoints", (1, 3, 32, 32), "SuperPointForKeypointDetection", "SuperPointConfig",
        encoder_hidden_sizes=[4, 4, 8, 8], decoder_hidden_size=16, descriptor_decoder_dim=16,
    ),
    "UPerNet": Architecture(
        "segmentation", PACKAGE,
        lambda package: package.UperNetForSemanticSegmentation(
            package.UperNetConfig(
                backbone_config=package.ConvNextConfig(
                    hidden_sizes=[4, 4, 8, 8], depths=[1, 1, 1, 1],
                    out_features=["stage1", "stage2", "stage3", "stage4"],
                ),
                hidden_size=8, auxiliary_in_channels=8, auxiliary_channels=8,
            )
        ),
        (noise(2, 3, 64, 64),),
    ),
    "GLPN": _of(
        "depth", (2, 3, 64, 64), "GLPNForDepthEstimation", "GLPNConfig",
        hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=8, drop_path_rate=0.0,
    ),
    "SegFormer": _of(
        "segmentation", IMAGE, "SegformerForSemanticSegmentation", "SegformerConfig",
        hidden_sizes=[8, 8, 8, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 1, 2],
        decoder_hidden_size=16,
    ),
    "Swin2SR": _of(
        "restoration", (1, 3, 16, 16), "Swin2SRForImageSuperResolution", "Swin2SRConfig",
        embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4, image_size=16, upscale=2,
    ),
    "wav2vec 2.0": _of(
        "audio", (2, 800), "Wav2Vec2ForSequenceClassification", "Wav2Vec2Config", **WAV
    ),
    "HuBERT": _of(
        "audio", (2, 800), "HubertForSequenceClassification", "HubertConfig", **WAV,
        feat_extract_norm="layer",
    ),
    "Data2Vec": _of(
        "audio", (2, 800), "Data2VecAudioForSequenceClassification", "Data2VecAudioConfig", **WAV,
    ),
    "Whisper": _of(
        "audio", (2, 8, 64), "WhisperForAudioClassification", "WhisperConfig", num_mel_bins=8,
        d_model=16, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=16,
        max_source_positions=32, decoder_layers=1, decoder_attention_heads=2,
    ),
    "EnCodec": _of(
        "audio", (2, 1, 640), "EncodecModel", "EncodecConfig", num_filters=4, hidden_size=16,
        upsampling_ratios=[4, 2], codebook_size=16, num_lstm_layers=1,
    ),
    "DAC": _of(
        "audio", (2, 1, 512), "DacModel", "DacConfig", encoder_hidden_size=4,
        downsampling_ratios=[2, 4], decoder_hidden_size=16, n_codebooks=2, codebook_size=16,
        codebook_dim=4, hidden_size=16,
    ),
    "HiFi-GAN": _of(
        "audio", (2, 16, 8), "SpeechT5HifiGan", "SpeechT5HifiGanConfig", model_in_dim=8,
        upsample_initial_channel=16, upsample_rates=[4, 2], upsample_kernel_sizes=[8, 4],
        resblock_kernel_sizes=[3, 5], resblock_dilation_sizes=[[1, 3], [1, 3]],
    ),
    "UnivNet": _of(
        "audio", (2, 8, 8), "UnivNetModel", "UnivNetConfig", model_in_channels=8,
        model_hidden_channels=8, num_mel_bins=8, resblock_kernel_sizes=[3],
        resblock_stride_sizes=[4], resblock_dilation_sizes=[[1, 3]],
        kernel_predictor_hidden_channels=8,
    ),
    "Mimi": _of(
        "audio", (2, 1, 640), "MimiModel", "MimiConfig", hidden_size=16, num_filters=4,
        upsampling_ratios=[4, 2], codebook_size=16, codebook_dim=8, num_quantizers=2,
        vector_quantization_hidden_dimension=8, upsample_groups=16, num_hidden_layers=1,
        intermediate_size=16, num_attention_heads=2, num_key_value_heads=2,
    ),
    "Mamba": Architecture(
        "series", PACKAGE,
        lambda package: package.MambaModel(
            package.MambaConfig(vocab_size=32, hidden_size=16, num_hidden_layers=1, state_size=4)
        ),
        (torch.arange(24).view(2, 12),),
    ),
}  # fmt: skip
