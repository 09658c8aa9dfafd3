"""What a trusted layer library passes, point by point, and the tests that show it.

The points are those that users of neighbouring libraries stumbled over. A test is
`file::function`; of the conformance suite, `capability` or several.
"""

from __future__ import annotations

SUITE = "conformance/test_conformance.py"

POINTS: dict[str, tuple[str, ...]] = {
    "PyTorch's own cases of operators and modules, errors too": (
        "conformance/test_op_db.py::test_sample_inputs",
        "conformance/test_op_db.py::test_error_inputs",
        "conformance/test_module_db.py::test_module_inputs",
    ),
    "gradcheck and gradgradcheck over the space of arguments": (
        "functional/test_gradcheck.py::test_gradcheck_fast",
        "functional/test_gradcheck.py::test_gradgradcheck_fast",
        f"{SUITE}::gradcheck gradgradcheck expanded_gradients strided",
    ),
    "an independent oracle, forward and backward": (
        "functional/test_against_oracle.py::test_convolution",
        "functional/test_against_oracle.py::test_transposed_convolution",
    ),
    "linearity, adjoint, shifts, constants, idempotence, energy, Hermitian symmetry": (
        "functional/test_laws.py::test_linear_in_input_and_in_weight",
        "functional/test_laws.py::test_transposed_is_the_adjoint",
        "functional/test_laws.py::test_shift_equivariance_when_circular",
        "functional/test_laws.py::test_dc_is_preserved",
        "functional/test_laws.py::test_idempotence",
        "functional/test_laws.py::test_batch_independence",
        "functional/test_laws.py::test_zero_weight_leaves_the_bias",
        "nn/test_spectral_pool.py::test_the_gradient_is_the_exact_adjoint",
    ),
    "dtypes in are dtypes out, autocast": (
        f"{SUITE}::float64 bfloat16 float16 autocast_bfloat16 autocast_float16 cuda_autocast",
        "nn/test_band_layers.py::test_half_precision_differs_by_its_rounding_only",
    ),
    "layouts, no batch, empty batches": (f"{SUITE}::channels_last strided unbatched empty_batch",),
    "what PyTorch tests of a module: copies, files, devices, modes, texts": (
        f"{SUITE}::deepcopy pickle saved_whole meta moved modes swapped dtype_of_construction",
    ),
    "torch.compile whole, of one size and of any, compiled once; torch.export": (
        f"{SUITE}::compiled compiled_whole compiled_whole_dynamic",
        f"{SUITE}::exported exported_dynamic exported_strictly",
    ),
    "opcheck of every registered operator": ("conformance/test_operators.py::test_convolutions",),
    "function transforms and forward mode are right or raise": (
        f"{SUITE}::func_grad vmap per_sample_gradients jvp forward_mode jacrev jacfwd",
    ),
    "ONNX, and the same in onnxruntime": (f"{SUITE}::onnx onnx_dynamic",),
    "DDP with no_sync and FSDP2 are one process": (
        f"{SUITE}::ddp fsdp",
        "memory/test_policy_processes.py::test_gradients_are_the_mean_of_those_without_it",
        "nn/test_spectral_processes.py::test_gradients_are_the_mean_of_those_of_one_process",
    ),
    "checkpoints, hooks, offloading, retained graphs, writing in place": (
        f"{SUITE}::checkpointed checkpointed_selectively saved_tensor_hooks offloaded",
        f"{SUITE}::retained_graph between_in_place edited_before_backward",
    ),
    "a state_dict is that of PyTorch's layer, by every way of loading": (
        f"{SUITE}::state_of_plain state_dict safetensors assigned",
    ),
    "conversion: roots, tied, hooks, subclasses, twice, back to the bit": (
        "convert/test_convert_and_back.py::test_every_convolution_there_and_back",
        "convert/test_convert_and_back.py::test_what_is_left_alone_and_why",
        "convert/test_special_modules.py::test_tied_modules_stay_one",
        "convert/test_trajectory.py::test_converting_and_reverting_while_training_changes_no_bit",
        "memory/test_policy_composition.py::test_a_moving_average_of_a_model",
    ),
    "bytes held are those of a formula": (
        "memory/test_band_conv_bytes.py::test_it_holds_the_smaller_of_map_and_spectrum",
        "nn/test_spec_block_bytes.py::test_parts_one_by_one_hold_what_the_block_holds",
        "memory/test_networks.py::test_four_times_less_is_held",
    ),
    "the same seed, the same bits": (f"{SUITE}::determinism",),
    "it learns as PyTorch's layer does": (
        "conformance/test_learning.py::test_keeping_everything_it_learns_as_pytorchs",
        "conformance/test_learning.py::test_a_band_learns_a_series_of_the_ucr_archive",
        "memory/test_policy.py::test_loss_curves_over_fifty_steps",
    ),
    "errors tell what was given": ("test_errors.py::test_it_is_refused_by_name",),
    "threads, workers, processes": (f"{SUITE}::threads fork spawn",),
}
STUMBLED: dict[str, tuple[str, ...]] = {
    "weights that are not drawn as nn.Conv2d's are": (
        "nn/test_band_layers.py::test_same_arguments_same_initialisation_same_state",
    ),
    "more memory than the layer it replaces": (
        "memory/test_band_conv_bytes.py::test_a_converted_resnet_holds_what_its_report_says",
    ),
    "no transposed convolution": ("functional/test_gradcheck.py::test_gradcheck_fast_transposed",),
    "no circular padding": ("functional/test_laws.py::test_shift_equivariance_when_circular",),
    "errors of a library for unsupported sizes": (
        "nn/test_spec_arguments.py::test_any_size_of_map_goes_through",
    ),
    "half precision and autocast fail in the transform": (
        "nn/test_band_layers.py::test_under_autocast_it_returns_what_nn_conv_returns",
    ),
    "a state_dict with more than tensors": (f"{SUITE}::state_of_plain safetensors",),
    "subclasses silently replaced": (
        "convert/test_convert_and_back.py::test_what_is_left_alone_and_why",
    ),
    "functional convolutions not converted": (
        "convert/test_bandlimited.py::test_functional_calls",
    ),
    "no way back": ("memory/test_policy.py::test_reverting_takes_it_off",),
}
