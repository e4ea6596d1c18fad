using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IommuKit.PageTables;

/// <summary>Runs of 32-bit or 64-bit entries, by vectors of 32 bytes where the machine has them.</summary>
/// <remarks>A run that does not end at a vector's end is finished by one vector that overlaps the one before it.</remarks>
internal static class EntryVectors
{
    public static void Fill<T>(ref T entries, int count, T first, T step)
        where T : unmanaged, IBinaryInteger<T>
    {
        int lanes = Vector256<T>.Count;
        if (Vector256.IsHardwareAccelerated && count >= lanes)
        {
            var value = Lanes(first, step);
            var stride = Vector256.Create(step * T.CreateTruncating(lanes));
            int tail = count - lanes;
            for (int done = 0; done < tail; done += lanes)
            {
                value.StoreUnsafe(ref entries, (nuint)done);
                value += stride;
            }

            Lanes(first + (step * T.CreateTruncating(tail)), step).StoreUnsafe(ref entries, (nuint)tail);
            return;
        }

        for (int done = 0; done < count; done++)
        {
            Unsafe.Add(ref entries, done) = first;
            first += step;
        }
    }

    public static int VacantRun<T>(ref T entries, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        int lanes = Vector256<T>.Count;
        int done = 0;
        if (Vector256.IsHardwareAccelerated && count >= lanes)
        {
            int tail = count - lanes;
            while (done < tail && Vector256.LoadUnsafe(ref entries, (nuint)done) == Vector256<T>.Zero)
            {
                done += lanes;
            }

            if (done >= tail)
            {
                if (Vector256.LoadUnsafe(ref entries, (nuint)tail) == Vector256<T>.Zero)
                {
                    return count;
                }

                done = tail;
            }
        }

        while (done < count && Unsafe.Add(ref entries, done) == T.Zero)
        {
            done++;
        }

        return done;
    }

    public static int OccupiedRun<T>(ref T entries, int count)
        where T : unmanaged, IBinaryInteger<T>
    {
        int lanes = Vector256<T>.Count;
        int done = 0;
        if (Vector256.IsHardwareAccelerated && count >= lanes)
        {
            int tail = count - lanes;
            while (done < tail && !Vector256.EqualsAny(Vector256.LoadUnsafe(ref entries, (nuint)done), Vector256<T>.Zero))
            {
                done += lanes;
            }

            if (done >= tail)
            {
                if (!Vector256.EqualsAny(Vector256.LoadUnsafe(ref entries, (nuint)tail), Vector256<T>.Zero))
                {
                    return count;
                }

                done = tail;
            }
        }

        while (done < count && Unsafe.Add(ref entries, done) != T.Zero)
        {
            done++;
        }

        return done;
    }

    /// <summary>first, first + step, first + 2·step … in one vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Lanes<T>(T first, T step)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (typeof(T) == typeof(uint))
        {
            uint start = uint.CreateTruncating(first);
            uint by = uint.CreateTruncating(step);
            return (Vector256.Create(start) + (Vector256.Create(0u, 1, 2, 3, 4, 5, 6, 7) * Vector256.Create(by))).As<uint, T>();
        }
        else
        {
            ulong start = ulong.CreateTruncating(first);
            ulong by = ulong.CreateTruncating(step);
            return Vector256.Create(start, start + by, start + (2 * by), start + (3 * by)).As<ulong, T>();
        }
    }
}
