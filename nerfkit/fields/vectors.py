"""Rows of a table as vectors of the processor, for the compiled kernels.

Left to itself the compiler forms a row number by number: it cannot know that writing one leaves the table as
it is. These few operations name whole rows, which halves the time of the encoding and of its scatter. The
length of a vector is that of the tuple `lanes`, which the compiler knows.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

FLAGS = ("contract", "reassoc", "nsz")


class Vector(types.Type):
    """`length` float32 numbers in registers."""

    def __init__(self, length: int) -> None:
        self.length = length
        super().__init__(name=f"vector({length})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """A vector is one of LLVM's."""

    def __init__(self, manager, kind: Vector) -> None:
        super().__init__(manager, kind, ir.VectorType(ir.FloatType(), kind.length))


def address(context, builder, kinds, array, index, length: int):
    """Where a vector begins: `array`, C-ordered, at the tuple `index`."""
    array_kind, index_kind = kinds
    numbers = zip(cgutils.unpack_tuple(builder, index), index_kind, strict=True)
    places = [context.cast(builder, number, kind, types.intp) for number, kind in numbers]
    view = context.make_array(array_kind)(context, builder, array)
    item = cgutils.get_item_pointer(context, builder, array_kind, view, places, wraparound=False)
    return builder.bitcast(item, ir.VectorType(ir.FloatType(), length).as_pointer())


def as_factor(kind: types.Type) -> types.Type:
    """A factor's type: a vector, or else a float32."""
    return kind if isinstance(kind, Vector) else types.float32


def as_vector(builder, number, length: int):
    """A vector of one number; a vector as it is."""
    if isinstance(number.type, ir.VectorType):
        return number
    empty = ir.Constant(ir.VectorType(number.type, length), ir.Undefined)
    first = builder.insert_element(empty, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(
        first, empty, ir.Constant(ir.VectorType(ir.IntType(32), length), [0] * length)
    )


@intrinsic
def load(typing, array, index, lanes):
    """The vector of `len(lanes)` float32 that begins at array[index]; `index` is a tuple, not checked."""
    vector = Vector(len(lanes))

    def build(context, builder, signature, arguments):
        place = address(context, builder, signature.args[:2], *arguments[:2], vector.length)
        return builder.load(place, align=4)

    return vector(array, index, lanes), build


@intrinsic
def store(typing, array, index, vector):
    """Write a vector to array[index] and on; `index` is a tuple, not checked."""

    def build(context, builder, signature, arguments):
        place = address(context, builder, signature.args[:2], *arguments[:2], vector.length)
        builder.store(arguments[2], place, align=4)
        return context.get_dummy_value()

    return types.void(array, index, vector), build


@intrinsic
def times(typing, vector, factor):
    """vector * factor; the factor is a float32 or a vector."""

    def build(context, builder, signature, arguments):
        return builder.fmul(arguments[0], as_vector(builder, arguments[1], vector.length), flags=FLAGS)

    return vector(vector, as_factor(factor)), build


@intrinsic
def plus(typing, total, vector, factor):
    """total + vector * factor; the factor is a float32 or a vector."""

    def build(context, builder, signature, arguments):
        factors = as_vector(builder, arguments[2], vector.length)
        product = builder.fmul(arguments[1], factors, flags=FLAGS)
        return builder.fadd(arguments[0], product, flags=FLAGS)

    return total(total, vector, as_factor(factor)), build


@intrinsic
def summed(typing, vector):
    """The sum of a vector's numbers."""

    def build(context, builder, signature, arguments):
        numbers = [
            builder.extract_element(arguments[0], ir.Constant(ir.IntType(32), i))
            for i in range(vector.length)
        ]
        while len(numbers) > 1:  # in pairs: the compiler makes one reduction of it
            numbers = [
                builder.fadd(numbers[i], numbers[i + 1], flags=FLAGS) if i + 1 < len(numbers) else numbers[i]
                for i in range(0, len(numbers), 2)
            ]
        return numbers[0]

    return types.float32(vector), build
