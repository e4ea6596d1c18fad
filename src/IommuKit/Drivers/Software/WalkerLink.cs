using System.Runtime.CompilerServices;
using IommuKit.Domains;
using IommuKit.Sync;

namespace IommuKit.Drivers.Software;

/// <summary>The primitives of a software IOMMU: the listener is told, and is done when it returns.</summary>
/// <param name="told">The listener; null if there is none.</param>
internal sealed class WalkerLink(Action<TlbInvalidation>? told)
{
    private readonly bool _hasListener = told is not null;

    /// <summary>The domain; set before its first operation.</summary>
    public IommuDomain? Domain { get; set; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Tell(in TlbRange range) => told!(new TlbInvalidation(Domain!, range));

    /// <summary>As the domain calls them.</summary>
    internal readonly struct Hardware(WalkerLink link) : IDomainHardware<NoBatch>
    {
        private readonly bool _hasListener = link._hasListener;

        public bool IsLive => _hasListener;

        public void Begin(ref NoBatch batch)
        {
            // Nothing is taken: calls of the listener may interleave.
        }

        public void InvalidateTableCache(ref NoBatch batch, ulong physicalAddress, ulong bytes)
        {
            // There is no table cache.
        }

        public void InvalidateTlb(ref NoBatch batch, in TlbRange range) => link.Tell(range);

        public void InvalidateAll(ref NoBatch batch) => link.Tell(TlbRange.Everything);

        public void Submit(ref NoBatch batch)
        {
            // The listener knows already.
        }

        public void Wait(ref NoBatch batch)
        {
            // The listener is done when it returns.
        }
    }
}
