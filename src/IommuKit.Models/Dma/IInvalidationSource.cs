namespace IommuKit.Models.Dma;

/// <summary>
/// A model that tells what software makes invalid, so that translations can be kept outside of it: a TLB of an emulator, a mirror in page tables of
/// a host, a device's own cache.
/// </summary>
/// <remarks>
/// <para>A notice comes when the model has dropped what is named, so that it translates anew, and before software can see that the invalidation is
/// complete: before its sync, wait or read-back is answered, or the write of the register returns. Between the two the model waits for accesses that
/// have begun (<see cref="IIommuModel.Accesses"/>). Notices of one queue come in its order, one at a time; those of register writes on the thread
/// that writes.</para>
/// <para>No lock of the model is held. A listener may translate, use registers, and wait for others that do; it must not wait for an access that is
/// under way, as that access may wait for it, and the queue stands meanwhile. What it throws reaches the writer of the register, and the command may
/// be done, and told, again.</para>
/// <para>A cache that listens stays right by two rules. What was asked for before a notice and is answered after it must not be kept: count the
/// notices, and keep an answer only if the count is the one from before the question. And an access holds a lease of the gate from the look-up in
/// the cache until it has reached memory: that is what a completion waits for.</para>
/// <para>What a model forgets by itself, and what it has no room for, is not told: it is still valid.</para>
/// </remarks>
/// <example>
/// <code>
/// model.Invalidated += notice =>
/// {
///     lock (cache)
///     {
///         cache.Notices++;
///         cache.RemoveAll(one => notice.Concerns(one.Stream, one.Substream, one.Translation));
///     }
/// };
/// </code>
/// </example>
public interface IInvalidationSource
{
    /// <summary>
    /// Called with each invalidation; see the remarks. Set it before the first translation is kept, or drop everything then. It costs nothing where
    /// nobody listens.
    /// </summary>
    Action<InvalidationNotice>? Invalidated { get; set; }
}
