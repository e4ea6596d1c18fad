using System.Diagnostics;
using IommuKit.Domains;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Specs.PageTables;
using IommuKit.Traces;

namespace IommuKit.Lab.Teardown;

/// <summary>
/// Maps the memory of a guest and takes it away again, as the program that runs the guest does when it ends: what that takes by way and policy.
/// </summary>
/// <remarks>
/// Only the way back is counted and timed. Before it a device uses pages, so that the model's TLB is full; after it the device must reach none.
/// </remarks>
public static class TeardownRunner
{
    /// <summary>Where the guest's memory begins.</summary>
    public const ulong Iova = 1ul << 30;

    // No format here has larger entries. Tables of upper levels take a little more.
    private const ulong EntryBytes = 8;
    private const ulong LeastPool = 32 << 20;
    private const ulong Chunk = 1ul << 30;

    // As many as the TLB of a model may hold.
    private const ulong Touched = 4096;

    // A report for so many pages.
    private const ulong PagesPerReport = 1 << 14;

    /// <summary>Runs everything.</summary>
    /// <param name="options">What.</param>
    /// <param name="report">Is told what is under way and how much of it is done, from 0 to 1; or null.</param>
    /// <exception cref="InputException">The size is no multiple of a page, or no IOMMU has pages of any of the sizes.</exception>
    public static IReadOnlyList<TeardownRow> Run(TeardownOptions options, Action<string, double>? report = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Size % SmallPage.Bytes != 0)
        {
            throw new InputException($"--size: {ByteSize.Format(options.Size)} is not a multiple of the page size, {ByteSize.Format(SmallPage.Bytes)}");
        }

        var rows = new List<TeardownRow>();
        foreach (var kind in options.Machines)
        {
            var (size, supported) = LimitsOf(kind, options);
            rows.AddRange(
                from policy in options.Policies
                from page in options.PageSizes
                where (page & supported) != 0 && size >= page
                from way in options.Ways
                select new Teardown(options, kind, policy, page, size / page * page, way, report).Run());
        }

        return rows.Count != 0
            ? rows
            : throw new InputException(
                $"nothing can be torn down: {string.Join(", ", options.Machines.Select(kind => kind.Name))} cannot map "
                + $"{ByteSize.Format(options.Size)} with pages of {string.Join(", ", options.PageSizes.Select(ByteSize.Format))}");
    }

    /// <summary>How many bytes an IOMMU can map from the start on, and with which page sizes.</summary>
    private static (ulong Size, ulong PageSizes) LimitsOf(IommuKind kind, TeardownOptions options)
    {
        using var machine = kind.Create(options.Settings with { HasModel = false });
        var traits = machine.Driver.Traits;
        ulong most = traits.InputBits >= 64 ? ulong.MaxValue : (1ul << traits.InputBits) - Iova;
        return (Math.Min(options.Size, most), traits.SupportedPageSizes);
    }

    private sealed class Teardown(
        TeardownOptions options, IommuKind kind, SyncPolicy policy, ulong page, ulong size, TeardownWay way, Action<string, double>? report)
    {
        private readonly string _what = $"{kind.Name} {policy}, {ByteSize.Format(page)} pages: {NameOf(way)}";
        private OperationCounts _counts;
        private long _ticks;

        public TeardownRow Run()
        {
            ulong window = Math.Min(size, Math.Max(options.MostTableBytes / EntryBytes * page / Chunk, 1) * Chunk);
            using var machine = kind.Create(options.Settings with
            {
                // A quarter more, and at least something: upper levels, and what waits to be given back.
                TablePool = Math.Max(LeastPool, (window / page * EntryBytes * 5 / 4) + LeastPool / 2),
                IsShared = false,
                HasImmediateWrites = true,
            });
            int windows = 0;
            for (ulong start = 0; start < size; start += window, windows++)
            {
                // Each with a domain of its own: page by page no table goes before the domain does.
                using var domain = machine.CreateDomain(new DomainOptions
                {
                    Policy = policy,
                    PageSizes = page,
                    FlushAllPages = options.FlushAllPages,

                    // Calls follow each other at once: only the length of the queue may count, and not how fast this computer is.
                    DeferredAge = Timeout.InfiniteTimeSpan,
                });
                RunWindow(machine, domain, start, Math.Min(window, size - start));
            }

            var costs = options.Costs ?? CostFile.Of(kind);
            return new TeardownRow(
                kind.Name,
                policy,
                page,
                way,
                size,
                windows,
                _counts,
                costs.Microseconds(_counts),
                Stopwatch.GetElapsedTime(0, _ticks).TotalNanoseconds)
            {
                Costs = costs.Name,
                Unpriced = costs.Unpriced(_counts),
            };
        }

        private static string NameOf(TeardownWay way) => way switch
        {
            TeardownWay.Pages => "page by page",
            TeardownWay.Range => "by range",
            _ => "by address space",
        };

        private void RunWindow(Machine machine, IommuDomain domain, ulong start, ulong bytes)
        {
            var device = machine.TestDevice;
            domain.Attach(device);
            ulong physicalMask = (1ul << machine.Driver.Traits.OutputBits) - 1;
            for (ulong offset = 0; offset < bytes; offset += Chunk)
            {
                ulong iova = Iova + start + offset;
                domain.Map(iova, iova & physicalMask, Math.Min(Chunk, bytes - offset), Protection.Read | Protection.Write);
            }

            domain.Flush();
            Use(machine, device, start, bytes, isMapped: true);
            var before = machine.Counts;
            long began = Stopwatch.GetTimestamp();
            Take(domain, device, start, bytes);
            _ticks += Stopwatch.GetTimestamp() - began;
            _counts += machine.Counts - before;
            if (way != TeardownWay.Space)
            {
                Use(machine, device, start, bytes, isMapped: false);
                domain.Detach(device);
            }

            report?.Invoke(_what, (start + bytes) / (double)size);
        }

        private void Take(IommuDomain domain, IommuDevice device, ulong start, ulong bytes)
        {
            ulong unmapped = 0;
            switch (way)
            {
                case TeardownWay.Pages:
                    for (ulong offset = 0; offset < bytes; offset += page)
                    {
                        unmapped += domain.Unmap(Iova + start + offset, page);
                        if (offset / page % PagesPerReport == 0)
                        {
                            report?.Invoke(_what, (start + offset) / (double)size);
                        }
                    }

                    break;
                case TeardownWay.Range:
                    unmapped = domain.Unmap(Iova + start, bytes);
                    break;
                default:
                    domain.Detach(device);
                    unmapped = domain.Unmap(Iova + start, bytes);
                    break;
            }

            domain.Flush();
            if (unmapped != bytes)
            {
                throw new InvalidOperationException($"unmap of 0x{bytes:x} bytes unmapped 0x{unmapped:x}");
            }
        }

        /// <summary>Has the device ask for pages all over the window.</summary>
        private void Use(Machine machine, IommuDevice device, ulong start, ulong bytes, bool isMapped)
        {
            var dma = machine.CreateDma(device);
            ulong step = Math.Max(bytes / Touched / page, 1) * page;
            for (ulong offset = 0; offset < bytes; offset += step)
            {
                ulong iova = Iova + start + offset;
                if (machine.Hardware!.Translate(new DmaRequest(dma.ReadSource, iova, IsWrite: false)).IsAllowed != isMapped)
                {
                    throw new MachineException(
                        machine.Name, $"{machine.Name}: a device sees IOVA 0x{iova:x} wrong {(isMapped ? "before" : "after")} the teardown.");
                }
            }
        }
    }
}
