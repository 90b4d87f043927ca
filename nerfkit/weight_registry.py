"""Which pretrained weights there are: each file's name, size, sha256, licence, and what it is for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Weight:
    """One file that somebody else publishes.

    `address` is None for a file that can be had nowhere in this form; `origin` says what it was made from.
    `twins` are (bytes, sha256) of other builds of the same model that are just as good.
    """

    name: str
    file: str
    address: str | None
    bytes: int
    sha256: str
    licence: str
    purpose: str
    without: str  # the setting that needs no such file
    twins: tuple[tuple[int, str], ...] = ()
    origin: str = ""

    @property
    def builds(self) -> dict[int, str]:
        """sha256 of every accepted build by its size in bytes."""
        return {self.bytes: self.sha256, **dict(self.twins)}


def _sam(variant: str, stem: str, size: int, sha256: str) -> Weight:
    """One Segment Anything checkpoint; its file name ends in the first digits of its md5, not its sha256."""
    return Weight(
        name=f"sam_{variant}",
        file=f"{stem}.pth",
        address=f"https://dl.fbaipublicfiles.com/segment_anything/{stem}.pth",
        bytes=size,
        sha256=sha256,
        licence="Apache-2.0",
        purpose=f"source_mask.backend: sam with sam_model: {variant}",
        without="source_mask.backend: grabcut",
    )


def _backbone(name: str, file: str, size: int, sha256: str) -> Weight:
    """One torchvision ImageNet backbone of LPIPS; its file name ends in the first digits of its sha256."""
    return Weight(
        name=name,
        file=file,
        address=f"https://download.pytorch.org/models/{file}",
        bytes=size,
        sha256=sha256,
        licence="BSD-3-Clause (torchvision; trained on ImageNet)",
        purpose=f"lpips with {name}",
        without="perceptual: shift_tolerant",
    )


def _sam2(variant: str, size: int, sha256: str) -> Weight:
    """One SAM 2.1 checkpoint in Meta's own format."""
    return Weight(
        name=variant,
        file=f"{variant}.pt",
        address=f"https://dl.fbaipublicfiles.com/segment_anything_2/092824/{variant}.pt",
        bytes=size,
        sha256=sha256,
        licence="Apache-2.0",
        purpose=f"propagation.backend: sam2 with sam2_model: {variant}",
        without="propagation.backend: projection",
    )


def _dino(variant: str, stem: str, size: int, sha256: str) -> Weight:
    """One DINO backbone. Their publishers name no sha256; these are the ones that other projects pin."""
    return Weight(
        name=f"dino_{variant}",
        file=f"{stem}.pth",
        address=f"https://dl.fbaipublicfiles.com/dino/{stem}/{stem}.pth",
        bytes=size,
        sha256=sha256,
        licence="Apache-2.0",
        purpose=f"label propagation by the features of dino_{variant}",
        without="propagation.backend: projection",
    )


def _clip(name: str, file: str, address: str, size: int, sha256: str) -> Weight:
    """One CLIP network: OpenAI's own archive, or open_clip's safetensors of another training."""
    return Weight(
        name=name,
        file=file,
        address=address,
        bytes=size,
        sha256=sha256,
        licence="MIT",
        purpose=f"object_field.clip_weight above 0 with clip_network: {name}",
        without="object_field.clip_weight: 0",
    )


def _repacked(
    name: str,
    size: int,
    sha256: str,
    origin: str,
    purpose: str = "label propagation by the features of {name}",
    without: str = "propagation.backend: projection",
) -> Weight:
    """An ImageNet backbone of the ONNX Model Zoo as safetensors; such a file is not published itself."""
    return Weight(
        name=name,
        file=f"{name}.safetensors",
        address=None,
        bytes=size,
        sha256=sha256,
        licence="Apache-2.0",
        purpose=purpose.format(name=name),
        without=without,
        origin=f"{origin} in the history of github.com/webmachinelearning/webnn-polyfill (ONNX Model Zoo)",
    )


# LaMa has two widely used TorchScript exports, both named big-lama.pt: the one that simple-lama-inpainting
# publishes and fetches (first) and the one of IOPaint that most other programs re-host (twin).
WEIGHTS = {
    weight.name: weight
    for weight in (
        _sam(
            "vit_b",
            "sam_vit_b_01ec64",
            375_042_383,
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        ),
        _sam(
            "vit_l",
            "sam_vit_l_0b3195",
            1_249_524_607,
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        ),
        _sam(
            "vit_h",
            "sam_vit_h_4b8939",
            2_564_550_879,
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        ),
        _sam2(
            "sam2.1_hiera_tiny",
            156_008_466,
            "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
        ),
        _sam2(
            "sam2.1_hiera_small",
            184_416_285,
            "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
        ),
        _sam2(
            "sam2.1_hiera_base_plus",
            323_606_802,
            "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
        ),
        _sam2(
            "sam2.1_hiera_large",
            898_083_611,
            "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
        ),
        Weight(
            name="big-lama",
            file="big-lama.pt",
            address="https://github.com/enesmsahin/simple-lama-inpainting/releases/download/v0.1.0/big-lama.pt",
            bytes=205_803_670,
            sha256="7ba7aa7ac37a4d41fdbbeba3a2af7ead18058552997e3a3cd1a3b2210c9e6b4c",
            licence="Apache-2.0",
            purpose="inpainting.backend: lama",
            without="inpainting.backend: exemplar",
            twins=((205_669_692, "344c77bbcb158f17dd143070d1e789f38a66c04202311ae3a258ef66667a9ea9"),),
        ),
        _backbone(
            "vgg16",
            "vgg16-397923af.pth",
            553_433_881,
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        ),
        _backbone(
            "alexnet",
            "alexnet-owt-7be5be79.pth",
            244_408_911,
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        ),
        _backbone(
            "squeezenet1_1",
            "squeezenet1_1-b8a52dc0.pth",
            4_958_839,
            "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        ),
        _dino(
            "vits8",
            "dino_deitsmall8_pretrain",
            86_728_949,
            "55c8b267f479b614ec20858947ce361ba804846c193e20be74263a096bb6d75e",
        ),
        _dino(
            "vitb8",
            "dino_vitbase8_pretrain",
            343_279_349,
            "575f0efc4838938314afa09897a62ed2b87919928b5edcd133abb907328995eb",
        ),
        _clip(
            "clip_vit_b_32",
            "ViT-B-32.pt",
            "https://openaipublic.azureedge.net/clip/models/"
            "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/ViT-B-32.pt",
            353_976_522,
            "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
        ),
        _clip(
            "clip_vit_b_32_laion2b",
            "open_clip_model.safetensors",
            "https://huggingface.co/laion/CLIP-ViT-B-32-laion2B-s34B-b79K/resolve/"
            "1a25a446712ba5ee05982a381eed697ef9b435cf/open_clip_model.safetensors",
            605_143_316,
            "ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6",
        ),
        _repacked(
            "resnet50v2_imagenet_trunk",
            34_286_792,
            "5915cfcd9d41eb9f252f57de3a96f427ffbcac5feeaca646249ecd4c59c4ae15",
            "test-data/models/resnet50v2_nchw/weights",
        ),
        _repacked(
            "mobilenet_v2_imagenet_features",
            9_061_872,
            "d972c78ee8078b91c320700cef2a823317b6e4089340ed36f6b90153e1e5935e",
            "test-data/models/mobilenetv2_nchw/weights",
        ),
        _repacked(
            "squeezenet1_1_imagenet",
            4_947_152,
            "bfbfc469352f9775f6be718b9069f636a6542e306577272733fd564d0347eb29",
            "test-data/models/squeezenet1.1_nchw/weights",
            purpose="the squeezenet perceptual distance, which is not LPIPS",
            without="perceptual: shift_tolerant",
        ),
        Weight(
            name="inception_fid",
            file="pt_inception-2015-12-05-6726825d.pth",
            address="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
            "pt_inception-2015-12-05-6726825d.pth",
            bytes=95_628_359,
            sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
            licence="Apache-2.0",
            purpose="metrics: FID and KID",
            without="metrics.networks: none",
        ),
    )
}
