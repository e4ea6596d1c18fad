using IommuKit.Domains;

namespace IommuKit.Lab;

/// <summary>What a policy promises to the caller that unmaps.</summary>
public static class PolicyPromise
{
    /// <summary>
    /// Whether no device can reach what was unmapped once unmap has returned. <see cref="SyncPolicy.Deferred"/> promises that only for when its
    /// queue was drained, <see cref="SyncPolicy.Explicit"/> for when the caller has flushed.
    /// </summary>
    public static bool IsFull(this SyncPolicy policy) => policy is not (SyncPolicy.Deferred or SyncPolicy.Explicit);
}
