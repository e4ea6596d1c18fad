using IommuKit.Domains;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Support;

/// <summary>Every SoC, with every policy.</summary>
internal static class Cases
{
    public static TheoryData<string> Socs => [.. TegraSoc.All.Select(soc => soc.Name)];

    public static TheoryData<SyncPolicy> Policies => [.. Enum.GetValues<SyncPolicy>()];

    public static TheoryData<string, SyncPolicy> SocsAndPolicies
    {
        get
        {
            var data = new TheoryData<string, SyncPolicy>();
            foreach (var soc in TegraSoc.All)
            {
                foreach (var policy in Enum.GetValues<SyncPolicy>())
                {
                    data.Add(soc.Name, policy);
                }
            }

            return data;
        }
    }

    public static TegraSoc Soc(string name) => TegraSoc.All.Single(soc => soc.Name == name);

    /// <summary>Where tables lie: above 4 GiB where the part can, so that the upper address bits matter.</summary>
    public static ulong TablePool(TegraSoc soc) => soc.HasPtcFlushHigh ? 0x1_8000_0000ul : 0x8000_0000ul;
}
