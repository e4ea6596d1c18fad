namespace IommuKit.Models.Smmu2;

/// <summary>What becomes of a transaction.</summary>
public enum Smmu2Outcome
{
    /// <summary>It is aborted: a bus error.</summary>
    Abort,

    /// <summary>It ends as if it had been done: reads return zeros, writes are ignored.</summary>
    Ignored,

    /// <summary>It stalls until software writes RESUME of the bank; then <see cref="Smmu2StallEnd"/> tells of it.</summary>
    Stalled,

    /// <summary>It waits behind one that stalls: the device tries again later.</summary>
    Retry,

    /// <summary>It goes on.</summary>
    Allowed,
}
