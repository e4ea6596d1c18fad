using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using IommuKit.Specs.PageTables;

namespace IommuKit.PageTables;

/// <summary>
/// Scatter lists of single pages, the common case of a DMA: checked and stored by vectors of the addresses and lengths of some ranges. Everything that is
/// not this case, and what remains of a list at its end, is left to the code for any list.
/// </summary>
internal static class ScatteredPages
{
    // A range is an address and a length.
    private const int WordsPerRange = 2;

    private static bool HasVectors
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Avx2.IsSupported || Sse2.IsSupported || AdvSimd.Arm64.IsSupported;
    }

    /// <summary>Whether a list is nothing but single pages that lie inside memory, without a run of neighbours as long as a larger page.</summary>
    /// <param name="ranges">The list.</param>
    /// <param name="granule">Bytes of a page.</param>
    /// <param name="lastAddress">The last physical address there is.</param>
    /// <param name="larger">Bytes of the next larger page, or 0.</param>
    /// <returns>False if it is not so, or not known.</returns>
    public static bool AreAll(ReadOnlySpan<PhysicalRange> ranges, ulong granule, ulong lastAddress, ulong larger)
    {
        if (!HasVectors
            || Unsafe.SizeOf<PhysicalRange>() != WordsPerRange * sizeof(ulong)
            || (lastAddress != ulong.MaxValue && !BitOperations.IsPow2(lastAddress + 1)))
        {
            return false;
        }

        // Lists of longer pieces are mostly told at once.
        if (ranges[0].Length != granule || ranges[ranges.Length / 2].Length != granule || ranges[^1].Length != granule)
        {
            return false;
        }

        // A run as long as a larger page has all the pairs of a window that starts at a multiple of its length.
        ulong window = larger == 0 ? (ulong)ranges.Length : larger / granule / 2;
        if (window < (uint)Vector256<ulong>.Count)
        {
            return false;
        }

        ref ulong words = ref Unsafe.As<PhysicalRange, ulong>(ref MemoryMarshal.GetReference(ranges));
        ulong wrong = ~lastAddress | (granule - 1);
        int done = 0;
        if (Avx2.IsSupported)
        {
            var bits = Vector256<ulong>.Zero;
            var size = Vector256.Create(granule);
            while (ranges.Length - done > Vector256<ulong>.Count)
            {
                var areNeighbours = Vector256<ulong>.AllBitsSet;
                int start = done;
                int end = (int)Math.Min((ulong)done + window, (ulong)(ranges.Length - Vector256<ulong>.Count));
                for (; done < end; done += Vector256<ulong>.Count)
                {
                    var addresses = Deinterleave256(ref words, done, out var lengths);
                    bits |= (addresses & Vector256.Create(wrong)) | (lengths ^ size);
                    areNeighbours &= Vector256.Equals(Deinterleave256(ref words, done + 1, out _), addresses + size);
                }

                if (larger != 0 && (ulong)(uint)(done - start) >= window && areNeighbours == Vector256<ulong>.AllBitsSet)
                {
                    return false;
                }
            }

            if (bits != Vector256<ulong>.Zero)
            {
                return false;
            }
        }
        else
        {
            var bits = Vector128<ulong>.Zero;
            var size = Vector128.Create(granule);
            while (ranges.Length - done > Vector128<ulong>.Count)
            {
                var areNeighbours = Vector128<ulong>.AllBitsSet;
                int start = done;
                int end = (int)Math.Min((ulong)done + window, (ulong)(ranges.Length - Vector128<ulong>.Count));
                for (; done < end; done += Vector128<ulong>.Count)
                {
                    var addresses = Deinterleave128(ref words, done, out var lengths);
                    bits |= (addresses & Vector128.Create(wrong)) | (lengths ^ size);
                    areNeighbours &= Vector128.Equals(Deinterleave128(ref words, done + 1, out _), addresses + size);
                }

                if (larger != 0 && (ulong)(uint)(done - start) >= window && areNeighbours == Vector128<ulong>.AllBitsSet)
                {
                    return false;
                }
            }

            if (bits != Vector128<ulong>.Zero)
            {
                return false;
            }
        }

        foreach (ref readonly var range in ranges[done..])
        {
            if (range.Length != granule || (range.Address & wrong) != 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Stores a leaf for each of the single pages at the start of a list, as far as vectors reach.</summary>
    /// <param name="entries">The first entry to store.</param>
    /// <param name="ranges">What is left of the list, which was checked.</param>
    /// <param name="most">The most entries to store.</param>
    /// <param name="attributes">The bits of a leaf that do not depend on its address.</param>
    /// <returns>How many were stored.</returns>
    /// <typeparam name="TFormat">A format whose leaves of level 0 follow from one another by addition, wherever they point.</typeparam>
    public static int Store<TFormat>(ref byte entries, ReadOnlySpan<PhysicalRange> ranges, int most, ulong attributes)
        where TFormat : struct, IPageTableFormat
    {
        int count = Math.Min(ranges.Length, most);
        ulong step = TFormat.LeafStep(0);
        if (!HasVectors || Unsafe.SizeOf<PhysicalRange>() != WordsPerRange * sizeof(ulong) || !BitOperations.IsPow2(step))
        {
            return 0;
        }

        int pageShift = Layout<TFormat>.PageShift;
        int left = Math.Max(BitOperations.TrailingZeroCount(step) - pageShift, 0);
        int right = Math.Max(pageShift - BitOperations.TrailingZeroCount(step), 0);
        ulong page = 1ul << pageShift;
        ulong first = TFormat.LeafEntry(0, attributes, 0, pageShift);
        ref ulong words = ref Unsafe.As<PhysicalRange, ulong>(ref MemoryMarshal.GetReference(ranges));
        int done = 0;
        if (Avx2.IsSupported)
        {
            for (; done <= count - Vector256<ulong>.Count; done += Vector256<ulong>.Count)
            {
                var addresses = Deinterleave256(ref words, done, out var lengths);
                if (lengths != Vector256.Create(page))
                {
                    break;
                }

                // The lanes are those of ranges 0, 2, 1 and 3.
                var leaves = Avx2.Permute4x64(((addresses >> right) << left) + Vector256.Create(first), 0b11_01_10_00);
                if (Layout<TFormat>.EntrySizeLog2 == 2)
                {
                    Vector128.Narrow(leaves.GetLower(), leaves.GetUpper()).StoreUnsafe(ref Unsafe.As<byte, uint>(ref entries), (nuint)done);
                }
                else
                {
                    leaves.StoreUnsafe(ref Unsafe.As<byte, ulong>(ref entries), (nuint)done);
                }
            }

            return done;
        }

        for (; done <= count - Vector128<ulong>.Count; done += Vector128<ulong>.Count)
        {
            var addresses = Deinterleave128(ref words, done, out var lengths);
            if (lengths != Vector128.Create(page))
            {
                break;
            }

            var leaves = ((addresses >> right) << left) + Vector128.Create(first);
            if (Layout<TFormat>.EntrySizeLog2 == 2)
            {
                ref uint entry = ref Unsafe.Add(ref Unsafe.As<byte, uint>(ref entries), done);
                Unsafe.As<uint, ulong>(ref entry) = Vector128.Narrow(leaves, leaves).AsUInt64().ToScalar();
            }
            else
            {
                leaves.StoreUnsafe(ref Unsafe.As<byte, ulong>(ref entries), (nuint)done);
            }
        }

        return done;
    }

    /// <summary>The addresses and lengths of four ranges, in the order 0, 2, 1, 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Deinterleave256(ref ulong words, int range, out Vector256<ulong> lengths)
    {
        var low = Vector256.LoadUnsafe(ref words, (nuint)(range * WordsPerRange));
        var high = Vector256.LoadUnsafe(ref words, (nuint)((range * WordsPerRange) + Vector256<ulong>.Count));
        lengths = Avx2.UnpackHigh(low, high);
        return Avx2.UnpackLow(low, high);
    }

    /// <summary>The addresses and lengths of two ranges.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Deinterleave128(ref ulong words, int range, out Vector128<ulong> lengths)
    {
        var low = Vector128.LoadUnsafe(ref words, (nuint)(range * WordsPerRange));
        var high = Vector128.LoadUnsafe(ref words, (nuint)((range * WordsPerRange) + Vector128<ulong>.Count));
        if (AdvSimd.Arm64.IsSupported)
        {
            lengths = AdvSimd.Arm64.ZipHigh(low, high);
            return AdvSimd.Arm64.ZipLow(low, high);
        }

        lengths = Sse2.UnpackHigh(low, high);
        return Sse2.UnpackLow(low, high);
    }
}
