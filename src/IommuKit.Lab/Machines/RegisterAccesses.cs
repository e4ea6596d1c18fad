using System.Runtime.CompilerServices;

namespace IommuKit.Lab.Machines;

/// <summary>Register accesses, by what they were for.</summary>
/// <param name="TableCache">Invalidation of the cache of table memory.</param>
/// <param name="Tlb">Invalidation of translations.</param>
/// <param name="Completion">Waiting until earlier writes took effect.</param>
/// <param name="Other">Set-up, attaching, faults.</param>
public readonly record struct RegisterAccesses(long TableCache, long Tlb, long Completion, long Other)
{
    /// <summary>All of them.</summary>
    public long Total => TableCache + Tlb + Completion + Other;

    /// <summary>What was added since an earlier count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RegisterAccesses operator -(in RegisterAccesses later, in RegisterAccesses earlier) => new(
        later.TableCache - earlier.TableCache,
        later.Tlb - earlier.Tlb,
        later.Completion - earlier.Completion,
        later.Other - earlier.Other);
}
