using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IommuKit.PageTables;

/// <summary>Runs of 32-bit or 64-bit entries, by vectors as long as the machine has them.</summary>
/// <remarks>A run that does not end at a vector's end is finished by one vector that overlaps the one before it.</remarks>
internal static class EntryVectors
{
    public static void Fill<T>(ref T entries, int count, T first, T step)
        where T : unmanaged, IBinaryInteger<T>
    {
        int lanes = Vector<T>.Count;
        if (Vector.IsHardwareAccelerated && count >= lanes)
        {
            var value = Lanes(first, step);
            var stride = new Vector<T>(step * T.CreateTruncating(lanes));
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
        int lanes = Vector<T>.Count;
        int done = 0;
        if (Vector.IsHardwareAccelerated && count >= lanes)
        {
            int tail = count - lanes;
            while (done < tail && Vector.LoadUnsafe(ref entries, (nuint)done) == Vector<T>.Zero)
            {
                done += lanes;
            }

            if (done >= tail)
            {
                if (Vector.LoadUnsafe(ref entries, (nuint)tail) == Vector<T>.Zero)
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
        int lanes = Vector<T>.Count;
        int done = 0;
        if (Vector.IsHardwareAccelerated && count >= lanes)
        {
            int tail = count - lanes;
            while (done < tail && !Vector.EqualsAny(Vector.LoadUnsafe(ref entries, (nuint)done), Vector<T>.Zero))
            {
                done += lanes;
            }

            if (done >= tail)
            {
                if (!Vector.EqualsAny(Vector.LoadUnsafe(ref entries, (nuint)tail), Vector<T>.Zero))
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
    private static Vector<T> Lanes<T>(T first, T step)
        where T : unmanaged, IBinaryInteger<T>
    {
        if (typeof(T) == typeof(uint))
        {
            uint start = uint.CreateTruncating(first);
            uint by = uint.CreateTruncating(step);
            if (Vector<T>.Count == Vector256<T>.Count)
            {
                return (Vector256.Create(start) + (Vector256.Create(0u, 1, 2, 3, 4, 5, 6, 7) * Vector256.Create(by))).As<uint, T>().AsVector();
            }

            if (Vector<T>.Count == Vector128<T>.Count)
            {
                return (Vector128.Create(start) + (Vector128.Create(0u, 1, 2, 3) * Vector128.Create(by))).As<uint, T>().AsVector();
            }
        }
        else
        {
            ulong start = ulong.CreateTruncating(first);
            ulong by = ulong.CreateTruncating(step);
            if (Vector<T>.Count == Vector256<T>.Count)
            {
                return Vector256.Create(start, start + by, start + (2 * by), start + (3 * by)).As<ulong, T>().AsVector();
            }

            if (Vector<T>.Count == Vector128<T>.Count)
            {
                return Vector128.Create(start, start + by).As<ulong, T>().AsVector();
            }
        }

        // Longer ones than any machine has by default.
        Span<T> lanes = stackalloc T[Vector<T>.Count];
        for (int i = 0; i < lanes.Length; i++)
        {
            lanes[i] = first + (step * T.CreateTruncating(i));
        }

        return new Vector<T>(lanes);
    }
}
