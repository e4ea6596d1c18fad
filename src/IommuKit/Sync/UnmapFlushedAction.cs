using System.Runtime.ExceptionServices;

namespace IommuKit.Sync;

/// <summary>Tells a caller's own code of each unmap (<c>DomainOptions.UnmapFlushed</c>): of all, also where it throws for one.</summary>
/// <param name="action">The code: first IOVA and bytes.</param>
internal sealed class UnmapFlushedAction(Action<ulong, ulong> action) : IUnmapListener
{
    /// <inheritdoc/>
    public void Flushed(ReadOnlySpan<FlushedUnmap> unmaps)
    {
        ExceptionDispatchInfo? failure = null;
        foreach (ref readonly var unmap in unmaps)
        {
            try
            {
                action(unmap.Range.First, unmap.Range.Bytes);
            }
            catch (Exception exception)
            {
                failure ??= ExceptionDispatchInfo.Capture(exception);
            }
        }

        failure?.Throw();
    }
}
