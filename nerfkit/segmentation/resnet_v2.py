"""The trunk of the pre-activation ResNet-50 (He et al., "Identity Mappings in Deep Residual Networks", 2016).

Modules are named as the weights `resnet50v2_imagenet_trunk` name their tensors: stem to the end of the third
stage, convolutions without bias.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, normalize, pad, relu

STAGES = ((3, 64, 256, 1), (4, 256, 512, 2), (6, 512, 1024, 2))  # blocks, channels in and out, stride


class Block(nn.Module):
    """One bottleneck block; norm and ReLU precede each convolution, the first block's shortcut is one too."""

    def __init__(self, wide_in: int, wide_out: int, stride: int, first: bool):
        super().__init__()
        narrow = wide_out // 4
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(wide_in), nn.BatchNorm2d(narrow), nn.BatchNorm2d(narrow)
        self.conv1 = nn.Conv2d(wide_in, narrow, 1, bias=False)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, stride, 1, bias=False)
        self.conv3 = nn.Conv2d(narrow, wide_out, 1, bias=False)
        self.down = nn.Conv2d(wide_in, wide_out, 1, stride, bias=False) if first else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, wide_in, H, W) to (B, wide_out, H / stride, W / stride)."""
        ready = relu(self.bn1(x))
        y = self.conv2(relu(self.bn2(self.conv1(ready))))
        y = self.conv3(relu(self.bn3(y)))
        return y + (x if self.down is None else self.down(ready))


class ResNet50v2Trunk(nn.Module):
    """Stem and stages 1 to 3, strides 4, 8 and 16."""

    def __init__(self):
        super().__init__()
        self.bn0, self.bn1 = nn.BatchNorm2d(3), nn.BatchNorm2d(64)
        self.conv0 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.stage1, self.stage2, self.stage3 = (
            nn.Sequential(
                *(
                    Block(wide_out if k else wide_in, wide_out, 1 if k else stride, first=k == 0)
                    for k in range(blocks)
                )
            )
            for blocks, wide_in, wide_out, stride in STAGES
        )
        self.bn_out = nn.BatchNorm2d(1024)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) to stages 2 and 3 side by side, each of unit length: (B, 1536, H / 8, W / 8).

        Shorter sides are rounded up.
        """
        x = relu(self.bn1(self.conv0(self.bn0(x))))
        middle = self.stage2(self.stage1(max_pool2d(x, 3, 2, 1)))
        deep = twice_as_fine(relu(self.bn_out(self.stage3(middle))))
        height, width = middle.shape[2:]
        return torch.cat([normalize(middle), normalize(deep[..., :height, :width])], dim=1)


def twice_as_fine(features: Tensor) -> Tensor:
    """(B, C, h, w) to (B, C, 2 h + 1, 2 w + 1), linear in between.

    A convolution of stride 2 looks around every second cell from the first one on, so cell i lies at 2 i, not
    at 2 i + 0.5 where the usual interpolation puts it.
    """
    height, width = features.shape[2:]
    padded = pad(features, (0, 1, 0, 1), mode="replicate")
    return interpolate(padded, (2 * height + 1, 2 * width + 1), mode="bilinear", align_corners=True)
