"""What an answer may be made of, by name: functions, methods and builtins that compute forward values.

What is not listed is not forbidden; a person looks at it.
"""

from autograder.running.cells import words

ALL = words("*")
"""Whatever a library offers, but for names that begin with `_`, and these."""
NEVER = words("get_type_hints ForwardRef evaluate_forward_ref bltns sys os functools sre_compile builtins")

ELEMENTWISE = words(
    """abs absolute acos acosh add addcdiv addcmul arccos arccosh arcsin arcsinh arctan arctan2 arctanh
    asin asinh atan atan2 atanh bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clip
    copysign cos cosh deg2rad digamma div divide eq equal erf erfc erfinv exp exp2 expm1 fix
    float_power floor floor_divide fmax fmin fmod frac ge greater greater_equal gt heaviside hypot
    isclose isfinite isinf isnan ldexp le lerp less less_equal lgamma log log10 log1p log2 logaddexp
    logaddexp2 logical_and logical_not logical_or logical_xor logit lt maximum minimum mul multiply
    nan_to_num ne neg negative not_equal positive pow rad2deg reciprocal remainder round rsqrt sgn
    sigmoid sign signbit sin sinc sinh sqrt square sub subtract tan tanh true_divide trunc xlogy relu
    softmax log_softmax"""
)
REDUCING = words(
    """all allclose amax amin aminmax any argmax argmin argsort argwhere bincount corrcoef count_nonzero
    cov cummax cummin cumprod cumsum dist histc kthvalue logcumsumexp logsumexp max mean median min
    mode msort nanmean nanmedian nansum nonzero norm prod quantile searchsorted sort std std_mean sum
    topk unique unique_consecutive var var_mean"""
)
SHAPING = words(
    """adjoint atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors broadcast_to cat chunk
    column_stack concat concatenate diag diag_embed diagflat diagonal dsplit dstack expand_as expand
    flatten flip fliplr flipud gather hsplit hstack index_add index_copy index_fill index_put
    index_select masked_fill masked_scatter masked_select moveaxis movedim narrow permute ravel
    repeat_interleave repeat reshape roll rot90 row_stack scatter scatter_add scatter_reduce select
    split squeeze stack swapaxes swapdims t take take_along_dim tensor_split tile transpose tril triu
    unbind unflatten unfold unsqueeze view view_as vsplit vstack where"""
)
PRODUCTS = words(
    """addbmm addmm addmv addr baddbmm bmm chain_matmul cross det dot einsum inner inverse kron logdet
    matmul matrix_exp matrix_power mm mv outer pinverse slogdet tensordot trace vdot"""
)
COMPUTED = ELEMENTWISE | REDUCING | SHAPING | PRODUCTS

TORCH = COMPUTED | words(
    """Generator Size Tensor FloatTensor DoubleTensor LongTensor BoolTensor IntTensor arange as_tensor
    asarray bernoulli bool broadcast_shapes bucketize can_cast cartesian_prod cdist combinations
    cosine_similarity device double dropout dtype empty empty_like eye finfo float float16 float32
    float64 from_numpy full full_like get_default_dtype half iinfo inf inference_mode initial_seed int
    int16 int32 int64 int8 is_tensor is_floating_point isin isneginf isposinf linspace logspace long
    manual_seed meshgrid multinomial nan no_grad normal numel ones ones_like pi poisson promote_types
    rand rand_like randint randint_like randn randn_like randperm range result_type scalar_tensor seed
    set_default_dtype set_num_threads set_printoptions short tensor tril_indices triu_indices typename
    uint8 unravel_index use_deterministic_algorithms vander zeros zeros_like bfloat16 e newaxis
    is_grad_enabled get_num_threads group_norm layer_norm conv1d conv2d avg_pool1d max_pool1d
    set_default_device set_default_tensor_type strided preserve_format contiguous_format threshold
    prelu celu selu rrelu erf_ exp_ relu_ sigmoid_ tanh_ vmap"""
)

FUNCTIONAL = words(
    """adaptive_avg_pool1d adaptive_avg_pool2d avg_pool1d avg_pool2d batch_norm binary_cross_entropy
    binary_cross_entropy_with_logits celu conv1d conv2d cosine_similarity cross_entropy dropout elu
    embedding fold gelu glu group_norm hardshrink hardsigmoid hardswish hardtanh huber_loss
    instance_norm interpolate kl_div l1_loss layer_norm leaky_relu linear log_softmax logsigmoid
    max_pool1d max_pool2d mish mse_loss nll_loss normalize one_hot pad pairwise_distance prelu relu
    relu6 rms_norm selu sigmoid silu smooth_l1_loss softmax softmin softplus softshrink softsign tanh
    tanhshrink threshold unfold"""
)

NUMPY = COMPUTED | words(
    """add arange array array_equal array_split asarray ascontiguousarray astype average bool_
    broadcast_arrays cbrt column_stack conjugate copy copyto delete diag_indices divmod e empty
    empty_like errstate euler_gamma exp2 expand_dims eye fabs fill_diagonal finfo flatnonzero float16
    float32 float64 floating fromiter full full_like geomspace hstack identity iinfo indices inf infty
    insert int16 int32 int64 int8 integer intp invert isclose isnan isscalar ix_ lexsort linspace
    logspace mat matrix max maximum meshgrid min nan nanmax nanmin ndarray ndenumerate ndim ndindex
    newaxis number ones ones_like pi power ptp put put_along_axis rollaxis round set_printoptions
    seterr shape size swapaxes take_along_axis trace tri tril_indices triu_indices uint8 unravel_index
    vander vectorize vstack zeros zeros_like double single logical_xor bincount clip sum
    apply_along_axis apply_over_axes object_ str_ generic resize append"""
)

MODULES: dict[str, frozenset[str]] = {
    "torch": TORCH,
    "torch.Tensor": COMPUTED,
    "torch.nn": words(
        "functional init CrossEntropyLoss ELU GELU LeakyReLU LogSigmoid LogSoftmax MSELoss ReLU SELU"
    )
    | words("SiLU Sigmoid Softmax Softplus Softsign Tanh BCELoss BCEWithLogitsLoss NLLLoss L1Loss HuberLoss"),
    "torch.nn.functional": FUNCTIONAL,
    "torch.nn.init": ALL,
    "torch.autograd": words("set_detect_anomaly"),
    "torch.linalg": words(
        "cross det diagonal inv matmul matrix_norm matrix_power multi_dot norm slogdet solve"
    )
    | words("vecdot vector_norm eye pinv"),
    "torch.special": words("digamma entr erf erfc erfinv exp2 expit expm1 gammaln log1p log_softmax logit")
    | words("logsumexp psi softmax xlog1py xlogy"),
    "torch.random": words("manual_seed seed initial_seed"),
    "torch.testing": words("assert_close assert_allclose"),
    "torch.cuda": words("is_available manual_seed manual_seed_all device_count synchronize empty_cache"),
    "torch.backends": words("cudnn cuda mps mkl"),
    "torch.backends.cudnn": words("deterministic benchmark enabled allow_tf32 is_available version"),
    "torch.backends.cuda": words("matmul"),
    "torch.backends.cuda.matmul": words("allow_tf32"),
    "torch.backends.mps": words("is_available"),
    "numpy": NUMPY,
    "numpy.linalg": words("det inv matrix_power multi_dot norm pinv slogdet solve"),
    "numpy.random": words(
        "choice default_rng normal permutation rand randint randn random seed shuffle uniform"
    )
    | words("random_sample standard_normal Generator RandomState binomial"),
    "numpy.testing": words(
        "assert_allclose assert_array_equal assert_almost_equal assert_array_almost_equal"
    ),
    "numpy.typing": ALL,
    "math": ALL,
    "scipy": words("special"),
    "scipy.special": words("erf erfc expit log_expit log_softmax logit logsumexp softmax xlog1py xlogy entr"),
    "einops": words("einsum rearrange reduce repeat pack unpack"),
    "jaxtyping": ALL,
    "tqdm": ALL,
    "tqdm.auto": ALL,
    "tqdm.notebook": ALL,
    "course": words("Module Parameter Buffer Graph tensor device generator"),
    "course.module": words("Module Parameter Buffer as_tuple"),
    "course.parameter": words("Parameter Buffer"),
    "course.containers": words("graph"),
    "course.containers.graph": words("Graph Node"),
    "course.device": words("device generator tensor rand randn"),
    "course.shapes": ALL,
    "__future__": words("annotations division print_function generators nested_scopes"),
    "abc": words("ABC abstractmethod ABCMeta"),
    "argparse": words("Namespace"),
    "collections": ALL,
    "collections.abc": ALL,
    "contextlib": words(
        "closing contextmanager nullcontext redirect_stdout redirect_stderr suppress ExitStack"
    ),
    "copy": words("copy deepcopy"),
    "dataclasses": words("asdict astuple dataclass field fields replace InitVar KW_ONLY"),
    "datetime": ALL,
    "enum": ALL,
    "fractions": words("Fraction"),
    "functools": words("cache cached_property lru_cache partial partialmethod reduce singledispatch")
    | words("singledispatchmethod total_ordering wraps update_wrapper cmp_to_key"),
    "gc": words("collect disable enable freeze isenabled get_count"),
    "io": words("StringIO"),
    "itertools": ALL,
    "json": words("dumps loads"),
    "logging": words(
        "debug info warning error exception critical getLogger basicConfig DEBUG INFO WARNING ERROR"
    )
    | words("CRITICAL Logger NullHandler StreamHandler Formatter disable"),
    "numbers": ALL,
    "operator": ALL,
    "os": words("path environ getcwd getenv cpu_count sep linesep name curdir getpid"),
    "os.path": words(
        "abspath basename dirname exists expanduser isdir isfile join normpath sep split splitext"
    ),
    "platform": words("machine platform python_version system node release processor"),
    "pprint": words("pprint pformat pp"),
    "random": ALL,
    "re": ALL,
    "statistics": words(
        "fmean geometric_mean harmonic_mean mean median mode pstdev pvariance stdev variance"
    ),
    "string": words("ascii_letters ascii_lowercase ascii_uppercase digits punctuation"),
    "sys": words("argv byteorder executable exit float_info flags getrecursionlimit getsizeof hexversion")
    | words("implementation maxsize platform setrecursionlimit stderr stdout version version_info"),
    "textwrap": words("dedent fill indent shorten wrap"),
    "time": words(
        "asctime ctime gmtime localtime monotonic monotonic_ns perf_counter perf_counter_ns process_time"
    )
    | words("process_time_ns sleep strftime thread_time time time_ns"),
    "timeit": words("default_timer"),
    "traceback": words("format_exc print_exc"),
    "types": words("SimpleNamespace MappingProxyType NoneType FunctionType EllipsisType"),
    "typing": ALL,
    "typing_extensions": ALL,
    "uuid": words("uuid4"),
    "warnings": words("catch_warnings filterwarnings simplefilter warn resetwarnings"),
}
"""By module, what of it an answer may be made of."""

BESIDE: dict[str, frozenset[str]] = {
    "inspect": words(
        "cleandoc getdoc getfile getmodule getsource getsourcelines isclass isfunction ismethod signature "
        "Parameter Signature"
    ),
    "os": MODULES["os"]
    | words("listdir makedirs mkdir chdir getlogin stat remove rename scandir walk path urandom rmdir"),
    "gc": MODULES["gc"],
    "sys": MODULES["sys"]
    | words(
        "stdin exc_info getrefcount displayhook last_value getdefaultencoding prefix getfilesystemencoding"
    )
    | words("base_prefix builtin_module_names copyright api_version intern ps1 thread_info warnoptions"),
}
"""Of libraries with which much can be done, what is harmless in the rest of a notebook."""

SETTINGS = ("torch.backends.", "os.environ", "matplotlib.", "pandas.", "seaborn.", "warnings.")
"""How the places of libraries begin that a notebook may well set."""

OF_TENSORS = (
    COMPUTED
    | frozenset(
        f"{name}_"
        for name in ELEMENTWISE
        | words("copy fill zero index_add index_copy index_fill index_put masked_fill scatter scatter_add t")
        | words(
            "squeeze unsqueeze transpose normal uniform random bernoulli cumsum cumprod fill_diagonal addmm"
        )
        | words("addmv addr baddbmm tril triu clamp_min clamp_max masked_scatter exponential put resize_as")
    )
    | words(
        """H T mH mT bool byte char clamp_max clamp_min clone contiguous cpu cuda data detach device dim
    double dtype element_size fill float half int is_contiguous is_cuda is_floating_point is_leaf
    isreal item itemsize layout long nbytes ndim ndimension nelement new new_empty new_full new_ones
    new_tensor new_zeros numel numpy pin_memory reshape_as requires_grad_ shape short size stride
    sum_to_size to tolist type type_as bfloat16 diagonal_scatter index_reduce scatter_reduce_
    slice_scatter select_scatter is_same_size get_device nonzero is_cpu is_signed resolve_conj
    storage_offset"""
    )
) - words("requires_grad_")
"""Attributes of tensors."""

OF_ARRAYS = words(
    """astype copy dtype fill flat flatten itemsize nbytes ndim put ravel shape size strides swapaxes
    tobytes tolist any all argmax argmin conj dot transpose T view eps tiny max min bits resolution
    standard_normal integers permutation random choice normal uniform shuffle randn rand randint
    device type accumulate reduce outer at smallest_normal"""
)

OF_PYTHON = words(
    """add append appendleft as_integer_ratio capitalize center clear conjugate count discard encode
    decode endswith expandtabs extend extendleft format format_map from_bytes fromkeys get index
    insert intersection is_integer isalnum isalpha isdigit isdisjoint islower isnumeric isspace
    issubset issuperset issupersetof isupper items join keys ljust lower lstrip move_to_end partition
    pop popitem popleft remove removeprefix removesuffix replace reverse rfind rindex rjust rpartition
    rsplit rstrip setdefault sort split splitlines startswith strip symmetric_difference title total
    union update upper values zfill difference intersection_update start stop step real numerator
    denominator bit_length hex most_common args message with_traceback add_note name value setter
    getter deleter close send maxlen default_factory elements subtract write flush read getvalue info
    debug warning error exception critical setLevel addHandler set_description set_postfix update
    default_rng seed manual_seed group groups match search sub findall total_seconds days seconds year
    month day isoformat strftime warn cache_clear cache_info register func keywords cached_property
    field nan inf pi e"""
)

OF_MODULES = words(
    """add_product backward extra_repr forward grad grads has_grad input_names inputs module
    named_parameters nodes outputs parameters reads save saved shortcut training uniform value values
    zero_grad theta weight bias reduction negative_slope beta centers dim eps alpha frequency filled
    examples formula source"""
)

ATTRIBUTES = OF_TENSORS | OF_ARRAYS | OF_PYTHON | OF_MODULES
"""Attributes that objects of an answer have by themselves."""

BUILTINS = words(
    """ArithmeticError AssertionError AttributeError BaseException DeprecationWarning Ellipsis Exception
    FileNotFoundError FloatingPointError FutureWarning ImportError IndexError KeyError
    KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError NotImplemented
    NotImplementedError OSError OverflowError RecursionError ReferenceError RuntimeError
    RuntimeWarning StopIteration SyntaxError SystemError SystemExit TypeError UnboundLocalError
    UserWarning ValueError Warning ZeroDivisionError ExceptionGroup UnicodeError TimeoutError
    PermissionError EOFError abs all any ascii bin bool bytearray bytes callable chr classmethod
    complex dict dir divmod enumerate filter float format frozenset hasattr hash help hex id int
    isinstance issubclass iter len list map max min next object oct ord pow print property range repr
    reversed round set slice sorted staticmethod str sum super tuple type zip getattr setattr delattr
    display __name__ __file__ __doc__ __debug__ True False None"""
)
"""Builtins of which an answer may be made; `getattr` and its like only with a word that can be read."""

OWN_WORDS = words(
    "__init__ __name__ __doc__ __len__ __qualname__ __version__ __call__ __post_init__ __repr__"
)
"""Names with two underscores that an answer may use."""

DEFINED = words(
    """__init__ __post_init__ __repr__ __str__ __len__ __iter__ __next__ __getitem__ __setitem__
    __contains__ __call__ __enter__ __exit__ __eq__ __hash__ __lt__ __le__ __gt__ __ge__ __bool__
    __slots__ __all__ __author__ __version__ __match_args__ __doc__ __reversed__ __missing__
    __annotations__ __matmul__ __rmatmul__ __imatmul__"""
)
"""Names with two underscores that an answer may define."""

OVERLOADED = words(
    """__add__ __radd__ __iadd__ __sub__ __rsub__ __isub__ __mul__ __rmul__ __imul__ __truediv__
    __rtruediv__ __itruediv__ __floordiv__ __pow__ __rpow__
    __ipow__ __neg__ __pos__ __abs__ __mod__ __rmod__ __and__ __or__ __xor__ __invert__"""
)
"""Operators of numbers: a class that defines them computes gradients along, perhaps."""
